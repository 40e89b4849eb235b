// Takes an answer that nobody waits for any more, so that those behind it on a shared connection can have theirs.
import type { AnswerSink } from './upstream.js'

export class Unwanted implements AnswerSink {
  readonly upgrade = ''

  constructor(
    readonly method: string,
    private readonly connection: { leave(sink: AnswerSink, usable: boolean): void },
  ) {}

  answerEnd(): void {
    this.connection.leave(this, true)
  }

  connected(): void {}
  interim(): void {}
  answerHead(): void {}
  answerBody(): void {}
  answerPause(): void {}
  switched(): void {}
  requestSent(): void {}
  failed(): void {}
}
