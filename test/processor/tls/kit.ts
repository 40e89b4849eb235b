// What the tests of TLS share: a folder with certificates, a server that speaks through the contexts, a client.
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import net, { type AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import tls from 'node:tls'
import type { TlsContexts } from '../../../processor/tls/contexts.js'
import { type Log, silentLog } from '../../../shared/log.js'
import type { Pem } from '../../kit/certificates.js'
import type { Cleanup } from '../../kit/process.js'
import { waitFor, within } from '../../kit/wait.js'

export interface Folder {
  readonly path: (name: string) => string
  /** Writes NAME.pem and NAME.key, each in one step, and says where they are. */
  readonly put: (name: string, pem: Partial<Pem>) => Promise<{ certFile: string; keyFile: string }>
}

export async function folder(t: Cleanup): Promise<Folder> {
  const home = await mkdtemp(join(tmpdir(), 'serverpy-tls-'))
  t.after(() => rm(home, { recursive: true }))
  const path = (name: string) => join(home, name)
  const replace = async (file: string, text: string | undefined) => {
    if (text === undefined) return
    await writeFile(`${file}.new`, text)
    await rename(`${file}.new`, file)
  }
  return {
    path,
    async put(name, { cert, key }) {
      const files = { certFile: path(`${name}.pem`), keyFile: path(`${name}.key`) }
      await replace(files.certFile, cert)
      await replace(files.keyFile, key)
      return files
    },
  }
}

export interface Line {
  readonly level: 'info' | 'warn' | 'error'
  readonly fields: Record<string, unknown>
  readonly message: string
}

/** A log whose lines can be read. */
export function listeningLog(): { log: Log; lines: Line[]; messages: () => string[] } {
  const lines: Line[] = []
  const write = (level: Line['level']) => (fields: Record<string, unknown>, message: string) =>
    void lines.push({ level, fields, message })
  const log: Log = { ...silentLog, info: write('info'), warn: write('warn'), error: write('error') }
  return { log, lines, messages: () => lines.map(({ level, message }) => `${level}: ${message}`) }
}

/** Answers every byte with itself; the port it listens on. */
export async function serve(t: Cleanup, options: TlsContexts['options']): Promise<number> {
  const open = new Set<net.Socket>()
  const server = net.createServer((raw) => {
    const socket = new tls.TLSSocket(raw, options())
    open.add(raw)
    raw.on('error', () => undefined)
    socket.on('error', () => undefined)
    socket.pipe(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.after(() => {
    for (const socket of open) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

/** A connection whose handshake is done; rejects with the error's code where it fails. */
export async function connect(
  t: Cleanup,
  port: number,
  options: tls.ConnectionOptions = {},
  opened: (socket: tls.TLSSocket) => void = () => undefined,
): Promise<tls.TLSSocket> {
  const socket = tls.connect({ host: '127.0.0.1', port, rejectUnauthorized: false, ...options })
  opened(socket)
  t.after(() => socket.destroy())
  const done = new Promise<void>((resolve, reject) => {
    socket.once('secureConnect', resolve)
    socket.on('error', reject)
    socket.once('close', () => reject(new Error('closed')))
  })
  await within(done, 5000, 'a handshake')
  return socket
}

/** What comes back for `text`. With TLS 1.3 the client believes in its handshake before the server does. */
export async function echo(socket: tls.TLSSocket, text = 'hello'): Promise<string> {
  const answer = new Promise<string>((resolve, reject) => {
    socket.once('data', (bytes) => resolve(String(bytes)))
    socket.once('error', reject)
    socket.once('close', () => reject(new Error('closed')))
  })
  socket.write(text)
  return within(answer, 5000, 'an answer')
}

/** The common name that the server shows to who asks for `servername`. */
export async function subjectFor(t: Cleanup, port: number, servername?: string): Promise<string> {
  const socket = await connect(t, port, servername === undefined ? {} : { servername })
  const { subject } = socket.getPeerCertificate()
  socket.destroy()
  return String(subject.CN)
}

/** A session that the server gives. By TLS 1.3 it comes after the handshake, by TLS 1.2 within. */
export async function sessionOf(t: Cleanup, port: number, options: tls.ConnectionOptions = {}): Promise<Buffer> {
  const sessions: Buffer[] = []
  const socket = await connect(t, port, options, (opened) => opened.on('session', (given) => sessions.push(given)))
  await echo(socket)
  const session = await waitFor(() => sessions.at(-1), { what: 'a session' })
  socket.destroy()
  return session
}
