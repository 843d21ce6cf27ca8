// node verify.mjs AUTHORIZATION < BODY: LiveKit's receiver for Node checks and parses a webhook.
import sdk from './sdk.mjs';

const chunks = [];
for await (const chunk of process.stdin) chunks.push(chunk);
const receiver = new sdk.WebhookReceiver(process.env.LIVEKIT_API_KEY, process.env.LIVEKIT_API_SECRET);
const event = await receiver.receive(Buffer.concat(chunks).toString('utf8'), process.argv[2]);
console.log(JSON.stringify({
    event: event.event,
    egressId: event.egressInfo?.egressId,
    roomName: event.egressInfo?.roomName,
    location: event.egressInfo?.fileResults?.[0]?.location,
    duration: String(event.egressInfo?.fileResults?.[0]?.duration),
}));
