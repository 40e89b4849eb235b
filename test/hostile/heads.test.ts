// The head of a request: its lines end in one way, and each means one thing.
import { bareLineEnds, controlBytes } from './cases/control-bytes.js'
import { host } from './cases/host.js'
import { requestLine } from './cases/request-line.js'
import { unusual } from './cases/unusual.js'
import { hostileClass } from './hostile.js'

hostileClass('a request line has one method, one target and one known version', requestLine)
hostileClass('Host is one valid name', host)
hostileClass('what is merely unusual passes', unusual)
hostileClass('a control byte is refused wherever it stands', controlBytes)
hostileClass('a line ends in CRLF and in nothing else', bareLineEnds)
