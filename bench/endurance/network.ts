// A loopback network of the run's own, with the segments of an Ethernet and small socket buffers: on the machine's own the kernel
// takes megabytes for each client that reads nothing, and thousands of those exhaust the kernel before they meet the gateway.
import { spawn, spawnSync } from 'node:child_process'

/** Marks the process that runs inside. */
const INSIDE = 'SERVERPY_ENDURANCE_NETWORK'
const BUFFERS = '4096 16384 131072'
const SETTINGS = [
  'ip link set lo mtu 1500 up',
  `echo ${BUFFERS} > /proc/sys/net/ipv4/tcp_rmem`,
  `echo ${BUFFERS} > /proc/sys/net/ipv4/tcp_wmem`,
]
const ENTER = [...SETTINGS, 'exec "$0" "$@"'].join(' && ')

/** Whether this process runs inside. */
export const isOwn = process.env[INSIDE] === '1'

export const description = isOwn
  ? 'Loopback in a network namespace of its own, with an MTU of 1500 and socket buffers of at most 128 KiB.'
  : 'On the loopback of the machine: what the kernel holds for clients that do not read is much more than on a real network.'

/** Runs this command again inside and resolves with its exit code; undefined where that is not allowed. */
export function runInside(): Promise<number> | undefined {
  const enter = ['--net', 'sh', '-c', ENTER]
  if (isOwn || spawnSync('unshare', [...enter, 'true'], { stdio: 'ignore' }).status !== 0) return undefined
  const self = [process.execPath, ...process.execArgv, ...process.argv.slice(1)]
  const child = spawn('unshare', [...enter, ...self], { stdio: 'inherit', env: { ...process.env, [INSIDE]: '1' } })
  // A terminal's Ctrl-C reaches the child as well; this process only waits for it.
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal))
  return new Promise((resolve) => child.once('exit', (code) => resolve(code ?? 1)))
}
