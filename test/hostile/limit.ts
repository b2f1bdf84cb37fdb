// How a cost may grow.

/** The time for twice a text, by that for the text: 2 is linear, 4 is quadratic. */
export const limit = 3;
