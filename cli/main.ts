#!/usr/bin/env node
// The serverpy command. What it can do takes a while to load; its signals are taken before that.
import { takeSignals } from './signals.js'

const signals = takeSignals()
const { runProgram } = await import('./program.js')
await runProgram(signals)
