-- Sets the request's method and body (arguments: METHOD BODY_BYTES), and prints the result as JSON, with the percentiles
-- that wrk's own report lacks.
function init(arguments)
  wrk.method = arguments[1]
  local bytes = tonumber(arguments[2])
  if bytes > 0 then wrk.body = string.rep("x", bytes) end
end

function done(summary, latency, requests)
  local errors = summary.errors
  io.write(string.format(
    '{"answered":%d,"durationUs":%d,"failed":%d,"broken":%d,"p50Us":%d,"p90Us":%d,"p99Us":%d,"p999Us":%d}\n',
    summary.requests, summary.duration, errors.status,
    errors.connect + errors.read + errors.write + errors.timeout,
    latency:percentile(50), latency:percentile(90), latency:percentile(99), latency:percentile(99.9)))
end
