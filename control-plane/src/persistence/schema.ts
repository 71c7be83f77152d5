/**
 * All our tables lie in a schema of their own: the database may be one that others use too.
 * Statements name it, since a pooler in front of the database may lose a search_path.
 */
export const SCHEMA = "sluice";
