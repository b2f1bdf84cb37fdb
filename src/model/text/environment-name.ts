// Names of environment variables.

/** Whether a shell can export a variable of this name. */
export const isEnvironmentName = (name: string): boolean => /^[A-Za-z_][A-Za-z0-9_]*$/.test(name);
