// CPU time and memory of a process and all below it, as Linux counts them.
import { readFileSync } from 'node:fs'

/** Linux reports CPU time in ticks of 1/100 s to user space, whatever the kernel's own rate is. */
const TICK_US = 10_000

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
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1')
    // Fields are counted after the command's name, which may itself hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const pages = Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1])
    return { pid, cpuUs: (Number(fields[11]) + Number(fields[12])) * TICK_US, rssBytes: pages * 4096 }
  } catch {
    return undefined
  }
}
