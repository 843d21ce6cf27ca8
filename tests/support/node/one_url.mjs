// node one_url.mjs URL ROOM SECONDS: all that LiveKit's Node SDK does for an agent's owner, at one URL: rooms, an
// egress of so many seconds, and the room's end; prints what each call answered.
import sdk from './sdk.mjs';

const [url, room, seconds] = process.argv.slice(2);
const { EgressClient, EncodedFileOutput, EncodedFileType, EgressStatus, RoomServiceClient } = sdk;
const { LIVEKIT_API_KEY: key, LIVEKIT_API_SECRET: secret } = process.env;
const rooms = new RoomServiceClient(url, key, secret);
const egress = new EgressClient(url, key, secret);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const [listed] = await rooms.listRooms([room]);
const people = await rooms.listParticipants(room);
const updated = await rooms.updateRoomMetadata(room, 'ünïcode {"a": 1}');
const output = new EncodedFileOutput({ fileType: EncodedFileType.OGG, filepath: `calls/${room}.ogg` });
const started = await egress.startRoomCompositeEgress(room, { file: output }, { audioOnly: true });
for (let tries = 0; tries < 600; ++tries) {
    const [info] = await egress.listEgress({ egressId: started.egressId });
    if (info.status !== EgressStatus.EGRESS_STARTING) break;
    await sleep(100);
}
await sleep(Number(seconds) * 1000);
await egress.stopEgress(started.egressId);
await rooms.deleteRoom(room);
console.log(JSON.stringify({
    name: listed.name, people: people.map((p) => p.identity).sort(), metadata: updated.metadata,
    egressId: started.egressId,
}));
