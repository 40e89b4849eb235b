// CPU time and memory of a process and all below it, as Linux counts them.
import { readdirSync, readFileSync } from 'node:fs'

export interface Usage {
  pid: number
  cpuUs: number
  rssBytes: number
}

/** `pid` first, then its descendants; those that ended meanwhile are left out. */
export function usageOfTree(pid: number): Usage[] {
  return treeOf(pid).flatMap((member) => usageOf(member) ?? [])
}

function treeOf(pid: number): number[] {
  let children = ''
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'latin1')
  } catch {
    return [pid] // Gone meanwhile.
  }
  return [pid, ...children.split(' ').filter(Boolean).map(Number).flatMap(treeOf)]
}

function usageOf(pid: number): Usage | undefined {
  try {
    const tasks = `/proc/${pid}/task`
    const cpuUs = readdirSync(tasks).reduce((sum, task) => sum + cpuUsOf(`${tasks}/${task}`), 0)
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1])
    return { pid, cpuUs, rssBytes: pages * 4096 }
  } catch {
    return undefined
  }
}

/** User and system time of a thread in nanoseconds, where `stat` has only ticks of 10 ms. */
function cpuUsOf(task: string): number {
  return Number(readFileSync(`${task}/schedstat`, 'latin1').split(' ')[0]) / 1000
}

/** Sockets, files and pipes that a process holds open. */
export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
