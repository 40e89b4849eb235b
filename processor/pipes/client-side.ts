// What the pipes leave to the client's connection as it is.
import { HookSide } from './hook-side.js'

export abstract class ClientSide extends HookSide {
  get peer(): string {
    return this.real.peer
  }

  get reading(): boolean {
    return this.real.reading
  }

  addressIn(added: string): string {
    return this.real.addressIn(added)
  }

  pause(): void {
    this.real.pause()
  }

  resume(): void {
    this.real.resume()
  }

  interim(text: string, fields: string): void {
    this.real.interim(text, fields)
  }
}
