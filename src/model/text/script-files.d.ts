// What an import of a script for hosts gives: its text.
declare module '*.sh' {
  const text: string;
  export default text;
}
declare module '*.awk' {
  const text: string;
  export default text;
}
