// node errors.mjs URL ROOM ENDED-EGRESS: what LiveKit's Node SDK makes of our refusals.
import sdk from './sdk.mjs';

const [url, room, ended] = process.argv.slice(2);
const { EgressClient, EncodedFileOutput } = sdk;
const { LIVEKIT_API_KEY: key, LIVEKIT_API_SECRET: secret } = process.env;
const client = new EgressClient(url, key, secret);
const stranger = new EgressClient(url, key, 'another-secret-0123456789-0123456789');
const start = (by, where) => by.startRoomCompositeEgress(
    where, { file: new EncodedFileOutput({ filepath: 'x.mp4' }) }, { audioOnly: true });

async function refusal(call) {
    try {
        await call();
        return null;
    } catch (error) {
        return { code: error.code, status: error.status, message: error.message };
    }
}
console.log(JSON.stringify({
    unknownRoom: await refusal(() => start(client, 'nobody-here')),
    unknownEgress: await refusal(() => client.stopEgress('EG_nothere')),
    stoppedTwice: await refusal(() => client.stopEgress(ended)),
    wrongSecret: await refusal(() => start(stranger, room)),
}));
