// A KrakenD file for tests: one host, and as many endpoints as a test wants.

export const FILE = 'krakend.json'
export const HOST = ['http://127.0.0.1:9000']

export const text = (content: object): string => JSON.stringify({ version: 3, host: HOST, ...content }, null, 2)

export const endpoint = (more: object = {}, backend: object = {}): object => ({
  endpoint: '/a/{id}',
  backend: [{ url_pattern: '/b/{id}', ...backend }],
  ...more,
})
