/** The part of autocannon's programmatic face that the load generator uses; the package ships no types. */
declare module 'autocannon' {
  interface RequestData {
    body?: string
  }

  interface Options<Context> {
    url: string
    connections: number
    /** Requests in all; every one of them is answered before the run ends. */
    amount: number
    method: string
    headers: Record<string, string>
    requests: {
      setupRequest(request: RequestData, context: Context): RequestData
      onResponse(status: number, body: string, context: Context): void
    }[]
  }

  interface Instance extends PromiseLike<{ errors: number; timeouts: number; duration: number }> {
    on(event: 'response', listener: (client: unknown, status: number, bytes: number, responseTimeMs: number) => void): this
  }

  function autocannon<Context>(options: Options<Context>): Instance
  export { autocannon as default }
}
