// The text of a new pipe and of its test.

export function pipeSkeleton(name: string): string {
  return `// ${name}: a pipe of serverpy. It is made once for each place in the config, in each worker; its hooks see every exchange.
// Hooks that are not needed can go. docs/pipes/writing.md says what each may do.

/** @typedef {{ header: string }} Options */

/** @type {import('serverpy/pipe').PipeDefinition<Options>} */
export default {
  // Checks what stands beside \`use\` in the config: any Standard Schema will do, such as one of zod or valibot.
  options: {
    '~standard': {
      version: 1,
      validate(value) {
        const { header = 'x-${name}' } = /** @type {{ header?: unknown }} */ (value)
        if (typeof header === 'string' && header !== '') return { value: { header } }
        return { issues: [{ message: 'must be the name of a header field', path: ['header'] }] }
      },
    },
  },

  // Bodies pass by unless a size is asked for: then they are there whole, up to so many bytes.
  // buffer: { request: 65536, response: 65536 },

  create(options, tools) {
    return {
      // The head of a request has come. What is returned here is the answer, and no service is asked.
      onRequest(x) {
        if (x.query('blocked') !== undefined) return { status: 403, body: 'not today' }
        x.headers.set(options.header, x.address)
        x.state.set('${name}', tools.now())
      },

      // The head of an answer is about to go out.
      onResponse(x, answer) {
        answer.headers.delete('server')
      },

      // There is no answer. What is returned here goes out in place of a problem.
      onError(x, error) {
        tools.log.warn({ request: x.id, code: error.code }, 'an exchange failed')
      },

      // The exchange is over, in whatever way.
      onDone(x, outcome) {},

      // The pipe is out of use: timers and connections of its own end here.
      close() {},
    }
  },
}
`
}

/** `file`: of the pipe, beside the test. */
export function testSkeleton(file: string): string {
  return `// Runs the pipe in the real gateway: \`node --test\`.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { tryPipe } from 'serverpy/pipe-test'

const pipe = new URL('./${file}', import.meta.url)

test('the service hears who asks', async () => {
  const [trial] = await tryPipe(pipe, { options: { header: 'x-client' }, requests: [{ target: '/things' }] })
  assert.deepEqual(trial?.errors, [])
  assert.equal(trial?.request?.headers['x-client'], '127.0.0.1')
})

test('what is blocked gets no further', async () => {
  const [trial] = await tryPipe(pipe, { requests: [{ target: '/things?blocked' }] })
  assert.equal(trial?.request, undefined)
  assert.equal(trial?.answer.status, 403)
})

test('answers do not say what serves', async () => {
  const answer = { status: 200, headers: { server: 'secret/1.0' }, body: 'hello' }
  const [trial] = await tryPipe(pipe, { requests: [{ answer }] })
  assert.equal(trial?.answer.headers['server'], undefined)
  assert.equal(trial?.answer.body, 'hello')
})
`
}
