// The address of a discovery server as people give it: checked when it is read, shown without its password.
import { InvalidArgumentError } from 'commander'

export function isServerUrl(text: string): boolean {
  return /^https?:\/\//i.test(text) && URL.canParse(text)
}

/** For an option of a command. */
export function readServerUrl(text: string): string {
  if (isServerUrl(text)) return text
  throw new InvalidArgumentError('It must begin with http:// or https://.')
}

/** For the log and the terminal. */
export function shownUrl(url: string): string {
  return url.replace(/\/\/[^/?#]*@/, '//***@')
}
