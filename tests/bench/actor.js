// SPDX-License-Identifier: GPL-3.0-or-later
// How long ONNX Runtime takes for the same: one thread, the inputs made once.
// Usage: node actor.js MODULES NAME ACTOR.onnx [NAME ACTOR.onnx]...
const path = require('path');
const ort = require(path.resolve(process.argv[2], 'onnxruntime-node'));

async function measure(name, file) {
	const session = await ort.InferenceSession.create(file, {
		intraOpNumThreads: 1,
		interOpNumThreads: 1,
	});
	const feeds = { obs: new ort.Tensor('float32', new Float32Array(24).fill(0.25), [1, 24]) };
	const took = [];
	for (let i = 0; i < 51; i++) {
		const start = process.hrtime.bigint();
		for (let k = 0; k < 200; k++) {
			await session.run(feeds);
		}
		took.push(Number(process.hrtime.bigint() - start) / 200e3);
	}
	took.sort((a, b) => a - b);
	console.log(`onnxruntime_${name}_us ${took[25].toFixed(3)} us`);
}

(async () => {
	for (let i = 3; i + 1 < process.argv.length; i += 2) {
		await measure(process.argv[i], process.argv[i + 1]);
	}
})();
