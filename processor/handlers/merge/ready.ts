// A merging route with all that can be made of its config before a request comes.
import type { MergeConfig, PartConfig } from '../../../shared/config/merge-model.js'
import type { Call, Calling, Passing } from '../../call.js'
import type { Core } from '../../core.js'
import type { Exchange } from '../../exchange.js'
import type { MachineState } from '../../pipes/machine-state.js'
import { type Admission, createAdmission } from './admission.js'
import { type Ask, createAsk } from './ask.js'
import { createCombine } from './combine.js'
import { createFailureLog, type FailureLog } from './failure-log.js'
import { createFieldFilter, createQueryFilter } from './input.js'
import { createOutgoing, type Outgoing } from './outgoing.js'
import { isRelayed } from './relay.js'

/** Of a body that must be held, where the config names no bound. */
const HELD_BYTES = 2 ** 20

export interface ReadyDeps {
  readonly core: Pick<Core, 'wheel' | 'deps'>
  /** Asks the best instance of a service on behalf of an exchange. */
  call(call: Call, exchange: Exchange, passing?: Passing): Calling
  readonly machine: MachineState
}

export interface ReadyPart {
  readonly config: PartConfig
  readonly ask: Ask
  readonly outgoing: Outgoing
  readonly admit: Admission | undefined
  /** Its answer is the client's, and need not be held. */
  readonly relayed: boolean
  readonly fieldsFor: ReturnType<typeof createFieldFilter>
  readonly queryFor: ReturnType<typeof createQueryFilter>
}

export interface Ready {
  readonly config: MergeConfig
  readonly parts: readonly ReadyPart[]
  readonly shadows: readonly ReadyPart[]
  readonly combine: ReturnType<typeof createCombine>
  /** Some part may take the client's body. */
  readonly takesBody: boolean
  /** One part gets it, and it need not be held. */
  readonly streamsBody: boolean
  /** Of a body that is held. */
  readonly mostHeld: number
  readonly failed: FailureLog
}

export function createReady(config: MergeConfig, deps: ReadyDeps): Ready {
  const all = config.parts.map((part): ReadyPart => ({
    config: part,
    ask: createAsk(part),
    outgoing: createOutgoing(part, deps),
    admit: createAdmission(part, deps.machine),
    relayed: config.output === 'no-op' && !part.shadow && isRelayed(part),
    fieldsFor: createFieldFilter(config, part),
    queryFor: createQueryFilter(config, part),
  }))
  const parts = all.filter((part) => !part.config.shadow)
  return {
    config,
    parts,
    shadows: all.filter((part) => part.config.shadow),
    combine: createCombine(config, parts.length),
    takesBody: config.parts.some(({ method }) => method === undefined || takesBody(method)),
    streamsBody: config.requestBytes === 0 && all.length === 1 && all[0]?.relayed === true,
    mostHeld: config.requestBytes > 0 ? config.requestBytes : HELD_BYTES,
    failed: createFailureLog(deps.core),
  }
}

export function takesBody(method: string): boolean {
  return method !== 'GET' && method !== 'HEAD' && method !== 'OPTIONS' && method !== 'TRACE'
}
