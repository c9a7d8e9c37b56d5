// SPDX-License-Identifier: GPL-3.0-or-later
// What ONNX Runtime answers: for each NAME.onnx of a folder and the rows of its NAME.csv,
// NAME.expected.csv. Usage: node expected.js MODULES FOLDER
const fs = require('fs');
const path = require('path');
const ort = require(path.resolve(process.argv[2], 'onnxruntime-node'));
const folder = process.argv[3];

function feeds(session, row) {
	const given = {};
	let at = 0;
	for (const input of session.inputMetadata) {
		const shape = input.shape.map((d) => (typeof d === 'number' && d > 0 ? d : 1));
		const size = shape.reduce((a, b) => a * b, 1);
		given[input.name] = new ort.Tensor('float32', Float32Array.from(row.slice(at, at + size)), shape);
		at += size;
	}
	return given;
}

async function answer(name) {
	const session = await ort.InferenceSession.create(path.join(folder, name + '.onnx'), {
		logSeverityLevel: 3,
	});
	const rows = fs.readFileSync(path.join(folder, name + '.csv'), 'utf8').trim().split('\n');
	const lines = [];
	for (const row of rows) {
		const out = await session.run(feeds(session, row.split(',').map(Number)));
		const all = session.outputNames.flatMap((n) => Array.from(out[n].data, Number));
		lines.push(all.map((x) => Number(x.toPrecision(9))).join(','));
	}
	fs.writeFileSync(path.join(folder, name + '.expected.csv'), lines.join('\n') + '\n');
}

(async () => {
	for (const file of fs.readdirSync(folder).filter((f) => f.endsWith('.onnx')).sort()) {
		const name = file.slice(0, -'.onnx'.length);
		try {
			await answer(name);
		} catch (error) {
			console.error(`${name}: ${error.message}`);
			process.exitCode = 1;
		}
	}
})();
