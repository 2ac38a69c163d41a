declare module "*.arrow" {
  const bytes: Uint8Array;
  export default bytes;
}
