// Node's own stream handles, below its sockets and streams: found where this Node shows them, and missed gracefully where
// it does not. A socket's streams cost a third of a proxied request (docs/decisions/0011), so the engine goes beneath them.

/** What the engine uses of a `TCP` or `TLSWrap` handle. Results are 0 or a negative error number of libuv. */
export interface StreamHandle {
  /** Called for each read; a buffer that it returns takes the next one. */
  onread: (this: StreamHandle) => Buffer | undefined
  useUserBuffer(buffer: Uint8Array): void
  readStart(): number
  readStop(): number
  writeLatin1String(request: WriteRequest, text: string): number
  writeBuffer(request: WriteRequest, bytes: Uint8Array): number
  /** `chunks`: each chunk followed by its encoding. */
  writev(request: WriteRequest, chunks: readonly (string | Uint8Array)[], allBuffers: false): number
  shutdown(request: object): number
  close(): void
  reset?(): number
  setNoDelay?(on: boolean): number
  setKeepAlive?(on: boolean, seconds: number): number
  getpeername?(out: { address?: string }): number
  /** Ours: who reads. */
  reader?: { readDone(bytesOrError: number): Buffer | undefined }
}

/** One write that could not be finished at once. Node keeps it alive until `oncomplete`. */
export interface WriteRequest {
  oncomplete?: (status: number) => void
  /** Ours: who wrote. */
  writer?: { writeDone(status: number): void }
  /** Ours: keeps the bytes alive. */
  bytes?: unknown
}

export interface Native {
  readonly WriteRequest: new () => WriteRequest
  readonly ShutdownRequest: new () => object
  /** Numbers about the last call, at the indexes below. */
  readonly state: Int32Array
  readonly bytesOrError: number
  readonly wasAsync: number
}

export const native: Native | undefined = find()

function find(): Native | undefined {
  const { binding } = process as unknown as { binding?: (name: string) => Record<string, unknown> }
  if (binding === undefined) return undefined
  let found: Record<string, unknown>
  try {
    found = binding.call(process, 'stream_wrap')
  } catch {
    return undefined
  }
  const { WriteWrap, ShutdownWrap, streamBaseState, kReadBytesOrError, kLastWriteWasAsync } = found
  if (typeof WriteWrap !== 'function' || typeof ShutdownWrap !== 'function') return undefined
  if (!(streamBaseState instanceof Int32Array)) return undefined
  if (typeof kReadBytesOrError !== 'number' || typeof kLastWriteWasAsync !== 'number') return undefined
  return {
    WriteRequest: WriteWrap as new () => WriteRequest,
    ShutdownRequest: ShutdownWrap as new () => object,
    state: streamBaseState,
    bytesOrError: kReadBytesOrError,
    wasAsync: kLastWriteWasAsync,
  }
}

const METHODS = [
  'useUserBuffer',
  'readStart',
  'readStop',
  'writeLatin1String',
  'writeBuffer',
  'writev',
  'shutdown',
  'close',
]

/** Whether a handle has all that the engine calls. */
export function isStreamHandle(handle: unknown): handle is StreamHandle {
  const methods = handle as Record<string, unknown> | null | undefined
  return typeof handle === 'object' && METHODS.every((name) => typeof methods?.[name] === 'function')
}
