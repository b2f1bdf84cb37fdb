// Ids of memory cgroups: how many there are.

/** Memory cgroups that a kernel can have beside the root, dead ones with the live ones; measured on 3.10.0-514 and 1062. */
export const groupIds = 65_534;
