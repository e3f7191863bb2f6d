/** Reads server-sent events out of a stream of text: the data of each event. Comments and other fields are passed over. */
export class EventParser {
  #rest = ''
  #data: string[] = []

  /** @returns the data of the events that are complete */
  push(text: string): readonly string[] {
    const lines = (this.#rest + text).split('\n')
    this.#rest = lines.pop() ?? ''
    const events: string[] = []
    for (const raw of lines) {
      const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw
      if (line.startsWith('data:')) this.#data.push(line.slice(line.startsWith('data: ') ? 6 : 5))
      else if (line === '' && this.#data.length > 0) {
        events.push(this.#data.join('\n'))
        this.#data = []
      }
    }
    return events
  }
}
