// The types of the package that reads ~/.pgpass.
declare module 'pgpass' {
  /** @param found gets the password of the first line that fits, or undefined */
  const pgpass: (
    connection: {
      readonly host: string;
      readonly port: number;
      readonly user?: string | undefined;
      readonly database?: string | undefined;
    },
    found: (password: string | undefined) => void,
  ) => void;
  export default pgpass;
}
