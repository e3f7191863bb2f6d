/** A value that can be carried, compared and written the same way by every node. Numbers are safe integers or finite. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export interface JsonObject {
  readonly [key: string]: Json
}
