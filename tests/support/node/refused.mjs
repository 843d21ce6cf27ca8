// node refused.mjs URL ROOM: asks for video, and prints how the SDK reports the refusal and after how long.
import sdk from './sdk.mjs';

const [url, room] = process.argv.slice(2);
const { EgressClient, EncodedFileOutput, EncodedFileType } = sdk;
const client = new EgressClient(url, process.env.LIVEKIT_API_KEY, process.env.LIVEKIT_API_SECRET);
const before = Date.now();
try {
    await client.startRoomCompositeEgress(
        room, { file: new EncodedFileOutput({ fileType: EncodedFileType.MP4, filepath: 'x.mp4' }) }, {});
    console.log(JSON.stringify({ refused: false }));
} catch (error) {
    console.log(JSON.stringify({
        refused: true, code: error.code, status: error.status, message: error.message, ms: Date.now() - before,
    }));
}
