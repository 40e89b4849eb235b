// What pipes have counted and what they hold, by their names.
import type { ApiDeps } from '../deps.js'
import type { Exposition, Sample } from '../exposition.js'
import { pipeViews } from '../views.js'

export function writePipes(to: Exposition, deps: Pick<ApiDeps, 'config' | 'traffic'>): void {
  const pipes = pipeViews(deps)
  to.counter(
    'serverpy_pipe_events_total',
    'What pipes have counted by name and event, since the start; failed and barred are counted of every pipe.',
    pipes.flatMap(({ name, events }) => Object.entries(events).map(([event, n]): Sample => [{ pipe: name, event }, n])),
  )
  to.gauge(
    'serverpy_pipe_value',
    'What pipes hold now, by the name of the pipe and its own name for the value.',
    pipes.flatMap(({ name, values }) =>
      Object.entries(values).map(([value, n]): Sample => [{ pipe: name, name: value }, n]),
    ),
  )
}
