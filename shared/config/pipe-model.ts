// The places of a config where pipes stand, and what is known of each.

/** A pipe at one place of the config. */
export interface PipeConfig {
  /** As the file says it: the name of a built-in, a path, or the name of a package. */
  readonly use: string
  /** In logs, metrics and `explain`. */
  readonly name: string
  /** Absolute path of the user's module; undefined for a built-in. */
  readonly module?: string
  /** Of the module's content: another one is another pipe. Undefined where the file was not read. */
  readonly digest?: string
  /** Of a built-in: checked and normalised. Of a module: as the file has them, for its own schema. */
  readonly options: unknown
  /** Condition in CEL: the pipe takes no part in exchanges for which it is false. */
  readonly when?: string
  /** Without it requests would pass that must not: where `when` has no value it takes part. */
  readonly guards?: true
  /** What becomes of an exchange in which it throws, rejects or takes too long. */
  readonly onThrow: 'fail' | 'skip'
  /** For one hook. */
  readonly hookMs: number
  readonly isolate: 'none' | 'thread'
  /** Bytes of bodies that are held for it, in place of its own. */
  readonly buffer?: { readonly request?: number; readonly response?: number }
  /** After so many failures in a row it is left out (`skip`) or refuses (`fail`) for `openMs`; then one exchange tries it. */
  readonly breaker?: { readonly failures: number; readonly openMs: number }
  /** Where it stands in the file; says nothing about what it does. */
  readonly at: { readonly line: number; readonly col: number }
}

/** Pipes for requests to one host. */
export interface HostConfig {
  /** Lower case; `*.example.org` matches any number of labels. */
  readonly host: string
  readonly pipes: readonly PipeConfig[]
}
