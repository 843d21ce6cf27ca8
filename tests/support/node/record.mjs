// node record.mjs URL ROOM S3-AS-JSON SECONDS: the second guide's request by LiveKit's Node SDK; waits until
// it is active, records so long, stops it, and prints what each call answered.
import sdk from './sdk.mjs';

const [url, room, s3, seconds] = process.argv.slice(2);
const { EgressClient, EncodedFileOutput, EncodedFileType, EgressStatus, S3Upload } = sdk;

const client = new EgressClient(url, process.env.LIVEKIT_API_KEY, process.env.LIVEKIT_API_SECRET);
const output = new EncodedFileOutput({
    fileType: EncodedFileType.MP4,
    filepath: 'recordings/{room_name}-{time}.mp4',
    output: { case: 's3', value: new S3Upload(JSON.parse(s3)) },
});
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const started = await client.startRoomCompositeEgress(room, { file: output }, { audioOnly: true });
let listed;
for (let tries = 0; tries < 600; ++tries) {
    [listed] = await client.listEgress({ egressId: started.egressId });
    if (listed.status !== EgressStatus.EGRESS_STARTING) break;
    await sleep(100);
}
await sleep(Number(seconds) * 1000);
const stopped = await client.stopEgress(started.egressId);
console.log(JSON.stringify({
    egressId: started.egressId,
    startedStatus: EgressStatus[started.status],
    listedStatus: EgressStatus[listed.status],
    stoppedStatus: EgressStatus[stopped.status],
    secret: started.request.value.fileOutputs?.[0]?.output?.value?.secret
        ?? started.request.value.output?.value?.output?.value?.secret,
}));
