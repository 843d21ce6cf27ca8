// livekit-server-sdk out of .peers/, which no import path leads to.
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const require = createRequire(process.env.PEERS + '/');
export default await import(pathToFileURL(require.resolve('livekit-server-sdk')).href);
