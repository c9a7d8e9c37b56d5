/* SPDX-License-Identifier: GPL-3.0-or-later */
/* Learned actors: what ONNX Runtime answers is answered, and what is broken is refused.
 *
 * tests/data/actors holds files as PyTorch exports them and random graphs, with rows of inputs and
 * the answers of ONNX Runtime to them; tests/parity/run makes them, and any number of new ones,
 * which ACTORS=FOLDER puts in their place. */
#include <errno.h>
#include <glob.h>
#include <math.h>
#include <string.h>
#include <unistd.h>

#include "daemon/base/csv.h"
#include "policy/actor.h"
#include "policy/vector_math.h"
#include "allocations.h"
#include "test.h"

/* --- the files ---------------------------------------------------------------------------------
 */

static glob_t files;
static struct csv rows, answers;

static int find_files(void **unused)
{
	(void)unused;
	char pattern[300];
	const char *folder = getenv("ACTORS");
	snprintf(pattern, sizeof(pattern), "%s/*.onnx", folder ? folder : "tests/data/actors");
	return glob(pattern, 0, NULL, &files);
}

static int forget_files(void **unused)
{
	(void)unused;
	globfree(&files);
	return 0;
}

static struct actor *load(const char *path)
{
	struct diag d = { .to = stderr };
	struct actor *a = NULL;
	if (actor_load(path, NULL, &a, &d) < 0) {
		fail_msg("%s is refused", path);
	}
	return a;
}

static uint8_t *read_all(const char *path, size_t *size)
{
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	assert_int_equal(fseek(file, 0, SEEK_END), 0);
	*size = (size_t)ftell(file);
	rewind(file);
	uint8_t *bytes = malloc(*size + 1);
	assert_int_equal(fread(bytes, 1, *size, file), *size);
	assert_int_equal(fclose(file), 0);
	return bytes;
}

static double number_of(const struct tensor *t, int i)
{
	return t->real ? (double)t->real[i] : (double)t->whole[i];
}

static void open_beside(struct csv *c, const char *path, const char *ending)
{
	char name[300];
	snprintf(name, sizeof(name), "%.*s%s", (int)(strlen(path) - strlen(".onnx")), path, ending);
	assert_int_equal(csv_open(c, name), 0);
}

static void take_row(const struct actor *a)
{
	int field = 0;
	for (int i = 0; i < a->inputs; i++) {
		for (int k = 0; k < a->input[i].tensor->count; k++) {
			double value;
			assert_true(field < rows.fields);
			assert_int_equal(csv_number(rows.field[field++], &value), 0);
			a->input[i].tensor->real[k] = (float)value;
		}
	}
}

/* The largest difference in a row, of the size of a number above 1. */
static double difference(const struct actor *a)
{
	double worst = 0;
	int field = 0;
	for (int i = 0; i < a->outputs; i++) {
		for (int k = 0; k < a->output[i].tensor->count; k++) {
			double value;
			assert_true(field < answers.fields);
			assert_int_equal(csv_number(answers.field[field++], &value), 0);
			double apart = fabs(number_of(a->output[i].tensor, k) - value) /
				       fmax(1, fabs(value));
			worst = apart <= worst ? worst : apart;
		}
	}
	assert_int_equal(field, answers.fields);
	return worst;
}

static void test_parity(void **unused)
{
	/* Each file answers as ONNX Runtime does, to 1e-5. */
	(void)unused;
	double worst = 0;
	int compared = 0;
	const char *worst_path = "";
	assert_true(files.gl_pathc >= 100);
	for (size_t f = 0; f < files.gl_pathc; f++) {
		const char *path = files.gl_pathv[f];
		struct actor *a = load(path);
		open_beside(&rows, path, ".csv");
		open_beside(&answers, path, ".expected.csv");
		while (csv_next(&rows) == 1) {
			assert_int_equal(csv_next(&answers), 1);
			take_row(a);
			actor_run(a);
			double apart = difference(a);
			if (!(apart <= 1e-5)) {
				fail_msg("%s: row %d is %g apart", path, rows.line, apart);
			}
			worst_path = apart > worst ? path : worst_path;
			worst = fmax(worst, apart);
			compared++;
		}
		csv_close(&rows);
		csv_close(&answers);
		actor_free(a);
	}
	assert_true(compared >= 500);
	print_message("%d rows of %zu files, at most %.2g apart (%s)\n", compared, files.gl_pathc,
		      worst, worst_path);
}

static void test_operators(void **unused)
{
	/* The files use every operator there is, in every operator set from 9 to 18. */
	(void)unused;
	static const char *const all =
		" Add ArgMax Cast Clip Concat Constant ConstantOfShape Div Elu Erf Exp Expand "
		"Flatten GRU Gather Gemm Identity LayerNormalization LeakyRelu Log MatMul Mul Neg "
		"Pow ReduceMean ReduceSum Relu Reshape Shape Sigmoid Softmax Sqrt Squeeze Sub Tanh "
		"Transpose Unsqueeze ";
	bool seen[1024] = { false };
	unsigned opsets = 0;
	for (size_t f = 0; f < files.gl_pathc; f++) {
		struct actor *a = load(files.gl_pathv[f]);
		opsets |= 1U << a->opset;
		for (int i = 0; i < a->operators; i++) {
			char word[64];
			snprintf(word, sizeof(word), " %s ", a->operator[i].name);
			const char *at = strstr(all, word);
			assert_non_null(at);
			seen[at - all] = true;
		}
		actor_free(a);
	}
	for (const char *at = all; at[1]; at = strchr(at + 1, ' ')) {
		if (!seen[at - all]) {
			fail_msg("no file uses %.12s", at + 1);
		}
	}
	assert_int_equal(opsets, 0x7fe00);
}

static void test_no_allocation(void **unused)
{
	/* A run allocates nothing. */
	(void)unused;
	if (SANITIZED || is_watched()) {
		print_message("skipped: somebody else watches the memory\n");
		skip();
	}
	for (size_t f = 0; f < files.gl_pathc; f++) {
		struct actor *a = load(files.gl_pathv[f]);
		uint64_t before = allocations;
		actor_run(a);
		uint64_t in_run = allocations - before;
		actor_free(a);
		assert_int_equal(in_run, 0);
		assert_true(before > 0);
	}
}

static void test_same_again(void **unused)
{
	/* The same inputs give the same outputs, bit by bit, whatever was in between. */
	(void)unused;
	uint64_t seed = random_seed();
	for (size_t f = 0; f < files.gl_pathc; f += 3) {
		struct actor *a = load(files.gl_pathv[f]);
		const struct tensor *out = a->output[0].tensor;
		double first[2];
		for (int pass = 0; pass < 3; pass++) {
			for (int i = 0; i < a->inputs; i++) {
				for (int k = 0; k < a->input[i].tensor->count; k++) {
					a->input[i].tensor->real[k] =
						pass == 1 ? (float)random_between(&seed, -9, 9)
							  : 0.25f;
				}
			}
			actor_run(a);
			if (pass != 1) {
				first[pass / 2] = number_of(out, out->count - 1);
			}
		}
		assert_memory_equal(&first[0], &first[1], sizeof(first[0]));
		actor_free(a);
	}
}

static void test_nan(void **unused)
{
	/* NaN in an observation is never an action that looks like a number. */
	(void)unused;
	int seen = 0;
	for (size_t f = 0; f < files.gl_pathc; f++) {
		if (strstr(files.gl_pathv[f], "/graph-")) {
			continue;
		}
		struct actor *a = load(files.gl_pathv[f]);
		for (int k = 0; k < a->input[0].tensor->count; k++) {
			a->input[0].tensor->real[k] = k == 1 ? NAN : 0.1f;
		}
		actor_run(a);
		const struct tensor *out = a->output[0].tensor;
		assert_true(out->real ? isnan(out->real[0]) : out->whole[0] == TENSOR_NONE);
		seen++;
		actor_free(a);
	}
	assert_true(seen >= 60);
}

static double answer(const char *name, int nan_at, int at)
{
	char path[80];
	snprintf(path, sizeof(path), "tests/data/actors/single/%s.onnx", name);
	struct actor *a = load(path);
	for (int k = 0; k < 4; k++) {
		a->input[0].tensor->real[k] = k == nan_at ? NAN : (float)k;
	}
	actor_run(a);
	double number = number_of(a->output[0].tensor, at);
	actor_free(a);
	return number;
}

static void test_single_nan(void **unused)
{
	/* One NaN among sound numbers stays one, wherever it stands; an index among such is none,
	 * and what is taken by it, or made of it, NaN. */
	(void)unused;
	for (int at = 0; at < 4; at++) {
		assert_true(answer("argmax", at, 0) == (double)TENSOR_NONE);
		assert_true(isnan(answer("gather", at, 0)));
		assert_true(isnan(answer("cast", at, 0)));
		assert_true(isnan(answer("relu", at, at)));
		assert_true(isnan(answer("clip", at, at)));
		for (int k = 0; k < 4; k++) {
			assert_true(isnan(answer("softmax", at, k)));
			assert_true(k == at || answer("relu", at, k) == k);
		}
	}
	assert_true(answer("argmax", -1, 0) == 3);
	assert_true(answer("gather", -1, 0) == 1);
	assert_true(answer("cast", -1, 0) == 4);
}

/* Refused, with a message that says the file and each of those words. */
static void refused(const void *bytes, size_t size, const char *word)
{
	char *said = NULL;
	size_t length = 0;
	struct diag d = { .to = open_memstream(&said, &length) };
	struct actor *a = NULL;
	int r = actor_parse(bytes, size, "x.onnx", NULL, &a, &d);
	fclose(d.to);
	if (r == 0) {
		actor_free(a);
		fail_msg("taken, expected \"%s\"", word);
	}
	if (!strstr(said, word) || strncmp(said, "x.onnx: ", 8) != 0) {
		fail_msg("said \"%s\", expected \"%s\"", said, word);
	}
	assert_null(a);
	free(said);
}

static void test_cut(void **unused)
{
	/* A file cut off anywhere is refused, or is a whole one without what follows. */
	(void)unused;
	size_t size;
	uint8_t *bytes = read_all("tests/data/actors/relu-13.onnx", &size);
	int taken = 0;
	for (size_t cut = 0; cut < size; cut++) {
		uint8_t *part = malloc(cut + 1); /* its own, so that reading beyond is seen */
		memcpy(part, bytes, cut);
		struct diag d = { 0 };
		struct actor *a = NULL;
		int r = actor_parse(part, cut, "x.onnx", NULL, &a, &d);
		assert_true(r == 0 || d.errors > 0);
		taken += r == 0;
		actor_free(a);
		free(part);
	}
	assert_true(taken <= 1);
	free(bytes);
}

static void test_flipped(void **unused)
{
	/* Whatever a flipped bit makes of a file, it is refused with a reason or runs. */
	(void)unused;
	uint64_t seed = random_seed();
	for (size_t f = 0; f < files.gl_pathc; f += 7) {
		size_t size;
		uint8_t *bytes = read_all(files.gl_pathv[f], &size);
		for (int i = 0; i < 40; i++) {
			size_t at = random_next(&seed) % size;
			uint8_t mask = (uint8_t)(1 << random_next(&seed) % 8);
			bytes[at] ^= mask;
			struct diag d = { 0 };
			struct actor *a = NULL;
			int r = actor_parse(bytes, size, "/none/x.onnx", NULL, &a, &d);
			assert_true(r == 0 || d.errors > 0);
			if (r == 0 && a->work < 1000000) {
				actor_run(a);
			}
			actor_free(a);
			bytes[at] ^= mask;
		}
		free(bytes);
	}
}

static void test_refusals(void **unused)
{
	/* Each broken file is refused for what is wrong with it, which its name says. */
	(void)unused;
	glob_t broken;
	assert_int_equal(glob("tests/data/actors/broken/*.onnx", 0, NULL, &broken), 0);
	assert_true(broken.gl_pathc >= 20);
	for (size_t f = 0; f < broken.gl_pathc; f++) {
		const char *path = broken.gl_pathv[f];
		size_t size;
		uint8_t *bytes = read_all(path, &size);
		open_beside(&answers, path, ".txt");
		assert_non_null(fgets(answers.text, sizeof(answers.text), answers.file));
		answers.text[strcspn(answers.text, "\n")] = '\0';
		refused(bytes, size, answers.text);
		csv_close(&answers);
		free(bytes);
	}
	globfree(&broken);
	refused("", 0, "is empty");
	refused("\x0f\x0f\x0f", 3, "no protobuf message");
}

static void test_nesting(void **unused)
{
	/* A file of messages in messages, without end, is refused before anything recurses. */
	(void)unused;
	enum { DEEP = 200000 };
	/* graph { node { attribute { g { ... } } } }, from the inside out, each length in 4 bytes.
	 */
	static const uint8_t tag[] = { 7 << 3 | 2, 1 << 3 | 2, 5 << 3 | 2, 6 << 3 | 2 };
	size_t room = (size_t)DEEP * 5, at = room;
	uint8_t *bytes = malloc(room);
	for (int i = DEEP - 1; i >= 0; i--) {
		size_t inner = room - at;
		at -= 5;
		bytes[at] = i == 0 ? tag[0] : tag[1 + (i - 1) % 3];
		bytes[at + 1] = (uint8_t)(inner & 0x7f) | 0x80;
		bytes[at + 2] = (uint8_t)(inner >> 7 & 0x7f) | 0x80;
		bytes[at + 3] = (uint8_t)(inner >> 14 & 0x7f) | 0x80;
		bytes[at + 4] = (uint8_t)(inner >> 21 & 0x7f);
	}
	refused(bytes, room, "nested too deep");
	free(bytes);
}

static void test_wanted(void **unused)
{
	/* Of the outputs those that are asked for are given, and what else they would need is not
	 * looked at. */
	(void)unused;
	struct diag d = { .to = stderr };
	struct actor *a = NULL, *whole = load("tests/data/actors/ppo-13.onnx");
	const char *const one[] = { "action", NULL }, *const none[] = { "torque", NULL };
	assert_int_equal(actor_load("tests/data/actors/ppo-13.onnx", one, &a, &d), 0);
	assert_int_equal(a->outputs, 1);
	assert_true(a->needed < whole->needed && a->nodes == whole->nodes);
	assert_int_equal(actor_port(a->output, a->outputs, "action"), 0);
	assert_int_equal(actor_port(a->output, a->outputs, "value"), -1);
	actor_free(a);
	actor_free(whole);
	d.to = NULL;
	assert_int_equal(actor_load("tests/data/actors/ppo-13.onnx", none, &a, &d), -EINVAL);
}

static void test_external(void **unused)
{
	/* Weights in a file beside the model are read; one that is too short, or elsewhere, is not.
	 */
	(void)unused;
	struct actor *a = load("tests/data/actors/external/near.onnx");
	a->input[0].tensor->real[0] = 2;
	actor_run(a);
	assert_float_equal(a->output[0].tensor->real[0], 7, 1e-6);
	actor_free(a);
	static const char *const paths[] = { "short", "away", "missing", "beyond" };
	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		char path[64];
		struct diag d = { 0 };
		snprintf(path, sizeof(path), "tests/data/actors/external/%s.onnx", paths[i]);
		assert_int_equal(actor_load(path, NULL, &a, &d), -EINVAL);
		assert_int_equal(d.errors, 1);
	}
}

/* The file as bytes of a test's own. Returns how many. */
static size_t read_bytes(const char *path, char *bytes, size_t max)
{
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	size_t size = fread(bytes, 1, max, file);
	assert_int_equal(fclose(file), 0);
	return size;
}

static void write_bytes(const char *path, const char *bytes, size_t size)
{
	FILE *file = fopen(path, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(bytes, 1, size, file), size);
	assert_int_equal(fclose(file), 0);
}

static uint64_t digest_of(const char *path)
{
	struct actor *a = load(path);
	uint64_t digest = a->digest;
	actor_free(a);
	return digest;
}

static void test_digest(void **unused)
{
	/* An actor is known again by its digest; one whose weights beside the file changed is
	 * another. */
	(void)unused;
	char folder[] = "/tmp/lecd-test-XXXXXX", model[64], weights[64], bytes[512];
	assert_non_null(mkdtemp(folder));
	snprintf(model, sizeof(model), "%s/near.onnx", folder);
	snprintf(weights, sizeof(weights), "%s/weights.data", folder);
	size_t size = read_bytes("tests/data/actors/external/near.onnx", bytes, sizeof(bytes));
	write_bytes(model, bytes, size);
	size = read_bytes("tests/data/actors/external/weights.data", bytes, sizeof(bytes));
	write_bytes(weights, bytes, size);
	uint64_t before = digest_of(model);
	assert_true(before == digest_of("tests/data/actors/external/near.onnx"));
	for (size_t i = 0; i < size; i++) {
		bytes[i] ^= 1;
	}
	write_bytes(weights, bytes, size);
	assert_true(digest_of(model) != before);
	assert_true(digest_of("tests/data/actors/relu-13.onnx") !=
		    digest_of("tests/data/actors/relu-14.onnx"));
	assert_int_equal(unlink(model) + unlink(weights) + rmdir(folder), 0);
}

static void test_functions(void **unused)
{
	/* exp, tanh and the logistic function are within 1e-6 of the truth, relative, and NaN and
	 * infinity are what they are. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int i = 0; i < 20000; i++) {
		float x[7], y[7];
		for (int k = 0; k < 7; k++) {
			x[k] = (float)(i % 2 ? random_between(&seed, -87, 88)
					     : random_between(&seed, -2, 2));
		}
		vector_exp(y, x, 7);
		for (int k = 0; k < 7; k++) {
			assert_true(fabs((double)y[k] / exp((double)x[k]) - 1) < 1e-6);
		}
		vector_tanh(y, x, 7);
		for (int k = 0; k < 7; k++) {
			assert_true(fabs((double)y[k] / tanh((double)x[k]) - 1) < 1e-6);
		}
		vector_sigmoid(y, x, 7);
		for (int k = 0; k < 7; k++) {
			double truth = 1 / (1 + exp(-(double)x[k]));
			assert_true(fabs((double)y[k] / truth - 1) < 1e-6);
		}
	}
	float odd[4] = { NAN, INFINITY, -INFINITY, 0 }, out[4];
	vector_exp(out, odd, 4);
	assert_true(isnan(out[0]) && isinf(out[1]) && out[2] == 0 && out[3] == 1);
	vector_tanh(out, odd, 4);
	assert_true(isnan(out[0]) && out[1] == 1 && out[2] == -1 && out[3] == 0);
	vector_sigmoid(out, odd, 4);
	assert_true(isnan(out[0]) && out[1] == 1 && out[2] == 0 && out[3] == 0.5f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parity),        cmocka_unit_test(test_operators),
		cmocka_unit_test(test_no_allocation), cmocka_unit_test(test_same_again),
		cmocka_unit_test(test_nan),           cmocka_unit_test(test_single_nan),
		cmocka_unit_test(test_cut),           cmocka_unit_test(test_flipped),
		cmocka_unit_test(test_refusals),      cmocka_unit_test(test_nesting),
		cmocka_unit_test(test_wanted),        cmocka_unit_test(test_external),
		cmocka_unit_test(test_digest),        cmocka_unit_test(test_functions),
	};
	return cmocka_run_group_tests_name("actor", tests, find_files, forget_files);
}
