// KrakenD's files: what is told of that which has no counterpart, and what needs no word.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { imported, native, refused } from './importing.js'
import { endpoint, FILE, text } from './krakend-source.js'

test('more concurrent calls than there may be are as many as there may be, and that is told', () => {
  const endpoints = [endpoint({ concurrent_calls: 20 })]
  const { config } = native(text({ endpoints }), FILE)
  assert.equal(config.routes?.[0]?.['concurrent_calls'], 16)
  const { warnings } = imported(text({ endpoints }), FILE)
  assert.ok(warnings.some((line) => line.includes('20 calls at once are more than there may be')))
})

test('without certificates of clients requests pass, and that is told', () => {
  const tls = { public_key: './cert.pem', private_key: './key.pem', enable_mtls: true }
  const { notes } = native(text({ tls, endpoints: [endpoint()] }), FILE)
  assert.deepEqual(
    notes.map(({ message }) => message),
    ['"enable_mtls" of TLS has no counterpart here: requests pass without it'],
  )
})

test('what is empty or needs no word is no fault and no news', () => {
  const client = { 'backend/http/client': { send_body_on_redirect: true } }
  const source = text({
    endpoints: [endpoint({ endpoint: 'a/{id}', method: '' }, { sd: '', method: '', extra_config: client })],
  })
  const { config, notes } = native(source, FILE)
  assert.deepEqual([(config.routes?.[0]?.['match'] as { path: string }).path, notes], ['/a/{id}', []])
})

test('methods of CORS may be in lower case, and hosts that are let in are told to be all', () => {
  const cors = { 'security/cors': { allow_origins: ['https://*.example.org'], allow_methods: ['get', 'PUT'] } }
  const hosts = (allowed_hosts: string[]) => ({ ...cors, 'security/http': { allowed_hosts } })
  const some = native(text({ extra_config: hosts(['a.example.org']), endpoints: [endpoint()] }), FILE)
  assert.deepEqual((some.config.processor?.['pipes'] as { methods: string[] }[])[1]?.methods, ['GET', 'PUT'])
  assert.match(some.notes[0]?.message ?? '', /requests for other hosts pass without it/)
  assert.deepEqual(native(text({ extra_config: hosts([]), endpoints: [endpoint()] }), FILE).notes, [])
})

test('credentials for every origin are left out, and that is told', () => {
  const extra_config = { 'security/cors': { allow_origins: ['*'], allow_credentials: true } }
  const { warnings } = imported(text({ extra_config, endpoints: [endpoint()] }), FILE)
  assert.ok(
    warnings.some((line) =>
      /allow_credentials {2}credentials do not go with every origin {2}\(name the origins\)/.test(line),
    ),
  )
})

test('what stands in the place of logs is there: an option of the command, and a log that is off', () => {
  const router = { disable_access_log: true, logger_skip_paths: ['/health'] }
  const extra_config = { 'telemetry/logging': { level: 'DEBUG' }, router }
  const { notes } = native(text({ extra_config, endpoints: [endpoint()] }), FILE)
  assert.deepEqual(
    notes.map(({ message, hint }) => [message.replace(/ has no .*/, ''), hint]),
    [
      ['the option "disable_access_log" of the router', 'processor.access_log is off unless it is there'],
      ['the option "logger_skip_paths" of the router', 'processor.access_log is off unless it is there'],
      ['"telemetry/logging"', 'logs are lines of JSON on the standard output; --level sets how much'],
    ],
  )
})

test('what kept requests out and is left out is told so', () => {
  const source = (name: string): string => text({ extra_config: { [name]: {} }, endpoints: [endpoint()] })
  const told = (name: string): string => native(source(name), FILE).written.replace(/\n *# /g, ' ')
  for (const name of ['auth/api-keys', 'auth/revoker', 'security/policies'])
    assert.match(told(name), new RegExp(`"${name}" has no counterpart here: requests pass without it`))
  assert.doesNotMatch(told('telemetry/metrics'), /pass without it/)
})

test('a template that nobody has filled in is told to be one', () => {
  for (const source of [
    '{ "version": 3, "port": {{ env "PORT" }} }',
    '{ "version": 3, "endpoints": [{{ template "e" . }}] }',
    '{ "version": 3, "name": "{{ env "NAME" }}", "endpoints": [] }',
    '{ "version": 3, "endpoints": [{} {{ include "more.txt" }}] }',
  ])
    assert.match(refused(source, FILE).join(), /a template in braces stands here/)
})
