/* SPDX-License-Identifier: GPL-3.0-or-later */
#include "sunspec_image.h"

#include <errno.h>

#include "drivers/sunspec.h"

static struct image image;
static const struct sunspec_reader reader = { image_read, &image };
static struct sunspec device;

static void assert_found(int number, int model, int address, int length)
{
	assert_true(number < device.count);
	assert_int_equal(device.found[number].model, model);
	assert_int_equal(device.found[number].address, address);
	assert_int_equal(device.found[number].length, length);
}

static void test_walk(void **unused)
{
	/* At each of the three bases every known model is found with its address, unknown ones are
	 * passed over, and the names are taken. */
	(void)unused;
	static const int bases[] = { 40000, 0, 50000 };
	for (int i = 0; i < 3; i++) {
		int base = bases[i];
		image_begin(&image, base, "Acme");
		image_model(&image, 103, 50);
		image_model(&image, 64110, 17);
		image_model(&image, 160, 8 + 4 * 20);
		image_model(&image, 802, 62);
		image_model(&image, 802, 62);
		image_end(&image);
		assert_int_equal(sunspec_walk(&reader, 0, &device), 0);
		assert_int_equal(device.base, base);
		assert_int_equal(device.count, 5);
		assert_found(0, 1, base + 2, 66);
		assert_found(1, 103, base + 70, 50);
		assert_found(2, 160, base + 70 + 52 + 19, 88);
		assert_found(4, 802, base + 70 + 52 + 19 + 90 + 64, 62);
		assert_ptr_equal(sunspec_find(&device, 802, 802, 1), &device.found[4]);
		assert_null(sunspec_find(&device, 802, 802, 2));
		assert_int_equal(sunspec_repeats(&device.found[2]), 4);
		assert_string_equal(device.manufacturer, "Acme");
		assert_string_equal(device.product, "Model 7");
		assert_string_equal(device.version, "1.2.3");
		assert_string_equal(device.serial, "S/N 0815");
	}
}

static void test_short_common(void **unused)
{
	/* A common model of 65 registers is legal. */
	(void)unused;
	image_begin(&image, 40000, "SolarEdge ");
	image_put(&image, 40003, 65);
	image.end--;
	image_model(&image, 101, 50);
	image_end(&image);
	assert_int_equal(sunspec_walk(&reader, 0, &device), 0);
	assert_found(1, 101, 40069, 50);
	assert_string_equal(device.serial, "S/N 0815");
	assert_string_equal(device.manufacturer, "SolarEdge");
}

static void test_ends(void **unused)
{
	/* The end model may lack its length, and may be lacking where the registers end. */
	(void)unused;
	for (int words = 0; words < 2; words++) {
		image_begin(&image, 40000, "Acme");
		image_model(&image, 101, 50);
		if (words == 1) {
			image_put(&image, image.end, 0xFFFF);
		}
		assert_int_equal(sunspec_walk(&reader, 0, &device), 0);
		assert_int_equal(device.count, 2);
	}
	image_begin(&image, 40000, "Acme"); /* nothing but a name is no device */
	assert_int_equal(sunspec_walk(&reader, 0, &device), -EPROTO);
}

static void test_broken_chains(void **unused)
{
	/* A chain that never ends, leaves the registers, has no common model first or a model of
	 * another length does not lead to a point. */
	(void)unused;
	image_begin(&image, 40000, "Acme");
	image_model(&image, 103, 50);
	for (int i = 0; i < 200; i++) {
		image_model(&image, 64999, 0); /* a loop, were it one */
	}
	image_end(&image);
	assert_int_equal(sunspec_walk(&reader, 0, &device), -EPROTO);
	image_begin(&image, 50000, "Acme");
	image_model(&image, 64999, 15000);
	image_model(&image, 64999, 100);
	image_put(&image, image.end, 101);
	image_put(&image, image.end + 1, 0xFFFF);
	assert_int_equal(sunspec_walk(&reader, 0, &device), -EPROTO);
	image_begin(&image, 40000, "Acme");
	image_put(&image, 40002, 103);
	image_end(&image);
	assert_int_equal(sunspec_walk(&reader, 0, &device), -EPROTO);
	image_begin(&image, 40000, "Acme");
	image_model(&image, 103, 49);
	image_model(&image, 160, 8 + 19);
	image_model(&image, 101, 50);
	image_end(&image);
	assert_int_equal(sunspec_walk(&reader, 0, &device), 0);
	assert_int_equal(device.count, 2);
	assert_int_equal(device.found[1].model, 101);
	image.strict = false;
	memset(image.word, 0, sizeof(image.word));
	assert_int_equal(sunspec_walk(&reader, 0, &device), -ENODEV);
}

static void test_failures(void **unused)
{
	/* Whatever read fails, the walk ends with that failure and no result, and works again. */
	(void)unused;
	static const int failures[] = { -ETIMEDOUT, 4, 6, 11 };
	image_begin(&image, 40000, "Acme");
	image_model(&image, 103, 50);
	image_end(&image);
	assert_int_equal(sunspec_walk(&reader, 0, &device), 0);
	int reads = image.reads;
	for (int at = 1; at <= reads; at++) {
		for (size_t i = 0; i < sizeof(failures) / sizeof(*failures); i++) {
			image.reads = 0;
			image.fail_at = at;
			image.fail_with = failures[i];
			bool elsewhere = at == 1 && failures[i] == 4;
			device.count = -1;
			assert_int_equal(sunspec_walk(&reader, 0, &device),
					 elsewhere ? -ENODEV : failures[i]);
			assert_int_equal(device.count, -1);
		}
	}
}

static void test_turns(void **unused)
{
	/* A device that does not answer where it has nothing is found in another turn. */
	(void)unused;
	static const int bases[] = { 40000, 0, 50000 };
	for (unsigned turn = 0; turn < 6; turn++) {
		image_begin(&image, bases[turn % 3], "Acme");
		image_model(&image, 103, 50);
		image_end(&image);
		image.fail_at = 1;
		image.fail_with = -ETIMEDOUT;
		assert_int_equal(sunspec_walk(&reader, turn + 1, &device), -ETIMEDOUT);
		assert_int_equal(sunspec_walk(&reader, turn, &device), 0);
		assert_int_equal(device.base, bases[turn % 3]);
		assert_int_equal(image.reads, 6);
	}
}

static void test_same(void **unused)
{
	/* One request tells whether it is the same device: a new serial number or version is seen.
	 */
	(void)unused;
	image_begin(&image, 0, "Acme");
	image_model(&image, 103, 50);
	image_end(&image);
	assert_int_equal(sunspec_walk(&reader, 0, &device), 0);
	image.reads = 0;
	assert_int_equal(sunspec_same(&device, &reader), 1);
	assert_int_equal(image.reads, 1);
	image_text(&image, 4 + 40, 8, "1.2.4");
	assert_int_equal(sunspec_same(&device, &reader), 0);
	image.fail_at = 3;
	image.fail_with = -ETIMEDOUT;
	assert_int_equal(sunspec_same(&device, &reader), -ETIMEDOUT);
}

/* Registers that look like a device to begin with, and then like anything. */
static void scramble(uint64_t *seed)
{
	static const int models[] = { 1,   101, 103, 113, 120, 123, 124,   160,   201,
				      213, 701, 704, 713, 714, 802, 65000, 65535, 0 };
	image_begin(&image, 40000, "Acme");
	image.strict = random_next(seed) % 2;
	for (int i = 0; i < 400; i++) {
		uint64_t r = random_next(seed);
		int length = r >> 32 & 1 ? (int)(r >> 33 & 0xFFFF) : (int)(r >> 33 & 0x7F);
		image_put(&image, image.end, models[r % 18]);
		image_put(&image, image.end + 1, length);
		image.end = (image.end + 2 + length) % (IMAGE_REGISTERS - 1);
	}
	for (uint64_t i = 0; i < random_next(seed) % 8; i++) {
		image_put(&image, (int)(40000 + random_next(seed) % 200),
			  (int)(random_next(seed) & 0xFFFF));
	}
}

static void test_random(void **unused)
{
	/* Any registers: the walk ends in a bounded number of requests within the register space,
	 * and each model found lies there as long as it should be. */
	(void)unused;
	uint64_t seed = random_seed();
	int walked = 0;
	for (int round = 0; round < (is_watched() ? 100 : 2000); round++) {
		scramble(&seed);
		if (sunspec_walk(&reader, 0, &device) == 0) {
			walked++;
			assert_true(device.count > 0 && device.count <= SUNSPEC_FOUND_MAX);
			for (int i = 0; i < device.count; i++) {
				const struct sunspec_found *f = &device.found[i];
				assert_true(f->address + 2 + f->length <= IMAGE_REGISTERS);
				assert_true(
					sunspec_length_fits(sunspec_layout(f->model), f->length));
			}
		}
		assert_true(image.reads <= 3 + 2 * SUNSPEC_STEPS_MAX + 1);
	}
	print_message("%d walked to an end\n", walked);
	assert_true(walked > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_walk),     cmocka_unit_test(test_short_common),
		cmocka_unit_test(test_ends),     cmocka_unit_test(test_broken_chains),
		cmocka_unit_test(test_failures), cmocka_unit_test(test_same),
		cmocka_unit_test(test_turns),    cmocka_unit_test(test_random),
	};
	return cmocka_run_group_tests_name("sunspec", tests, NULL, NULL);
}
