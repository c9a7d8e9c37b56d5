/* SPDX-License-Identifier: GPL-3.0-or-later */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "test.h"

#include "policy/actor.h"
#include "policy/train/maddpg.h"

#include "reference_mlp.h"

/* Every analytic number within 1e-4 of what finite differences say, a millionth of the largest
 * being left to float32. */
static void assert_gradient(const char *what, const float *ours, const double *theirs, int count)
{
	double largest = 0;
	for (int i = 0; i < count; i++) {
		largest = fmax(largest, fabs(theirs[i]));
	}
	assert_true(largest > 0);
	for (int i = 0; i < count; i++) {
		double off = fabs((double)ours[i] - theirs[i]);
		if (!(off <= 1e-4 * fabs(theirs[i]) + 2e-6 * largest)) {
			fail_msg("%s: number %d of %d is %g, expected %g (largest %g)", what, i,
				 count, (double)ours[i], theirs[i], largest);
		}
	}
}

static void fill(uint64_t *seed, float *out, int count, double scale)
{
	for (int i = 0; i < count; i++) {
		out[i] = (float)random_between(seed, -scale, scale);
	}
}

/* --- layers -------------------------------------------------------------------------------------
 */

enum { ROWS = 7, COLUMNS = 9, NUMBERS_MAX = 4000 };

/* A loss that is linear in the outputs: its changes with them are given. */
struct linear {
	const struct mlp *m;
	const double *parameters, *in; /* ROWS rows */
	const double *weight;          /* of each output */
};

static double linear_loss(const struct linear *l, const double *parameters, const double *in)
{
	double loss = 0, out[REFERENCE_WIDTH_MAX];
	for (int r = 0; r < ROWS; r++) {
		reference_mlp(l->m, parameters, in + r * l->m->width[0], out);
		for (int c = 0; c < mlp_outputs(l->m); c++) {
			loss += l->weight[r * mlp_outputs(l->m) + c] * out[c];
		}
	}
	return loss;
}

static void test_layers(void **unused)
{
	/* The gradients of every layer and activation, with parameters and with inputs, are those
	 * of finite differences to 1e-4; and so are the outputs. */
	(void)unused;
	static const enum activation kinds[] = { ACTIVATION_NONE, ACTIVATION_RELU,
						 ACTIVATION_TANH };
	static float p[NUMBERS_MAX], gradient[NUMBERS_MAX];
	static double dp[NUMBERS_MAX], expected[NUMBERS_MAX];
	uint64_t seed = random_seed();
	for (int round = 0; round < 36; round++) {
		struct mlp m = { 1 + round % 4, { 0 }, kinds[round / 4 % 3], kinds[round / 12] };
		for (int i = 0; i <= m.layers; i++) {
			m.width[i] = 1 + (int)random_between(&seed, 0, COLUMNS);
		}
		int count = mlp_parameters(&m), outputs = ROWS * mlp_outputs(&m);
		float in[ROWS * (COLUMNS + 2)], change[ROWS * COLUMNS], in_change[ROWS * COLUMNS];
		double din[ROWS * COLUMNS], weight[ROWS * COLUMNS], in_expected[ROWS * COLUMNS];
		fill(&seed, p, count, 1);
		fill(&seed, in, ROWS * (m.width[0] + 2), 1);
		fill(&seed, change, outputs, 1);
		struct mlp_trace t;
		struct matrix wide = matrix_of(in, ROWS, m.width[0] + 2);
		struct matrix input = matrix_columns(&wide, 1, m.width[0]); /* of a wider one */
		assert_int_equal(mlp_check(&m), 0);
		assert_int_equal(mlp_trace_init(&t, &m, ROWS + 3), 0);
		mlp_forward(&m, p, &input, &t);
		reference_double(p, dp, count);
		for (int i = 0; i < ROWS * m.width[0]; i++) {
			din[i] = (double)input.at[i / m.width[0] * input.stride + i % m.width[0]];
		}
		reference_double(change, weight, outputs);
		struct matrix out = mlp_out(&m, &t), up = mlp_change(&m, &t);
		for (int r = 0; r < ROWS; r++) {
			double theirs[REFERENCE_WIDTH_MAX];
			reference_mlp(&m, dp, din + r * m.width[0], theirs);
			for (int c = 0; c < out.columns; c++) {
				assert_true(fabs(theirs[c] - (double)out.at[r * out.columns + c]) <
					    1e-5 * (1 + fabs(theirs[c])));
			}
		}
		memcpy(up.at, change, (size_t)outputs * sizeof(float));
		memset(gradient, 0, sizeof(gradient));
		int first = m.width[0] / 3, some = m.width[0] - first;
		struct matrix down = matrix_of(in_change, ROWS, some);
		mlp_backward(&m, p, &input, &t, gradient, first, &down);
		struct linear l = { &m, dp, din, weight };
		for (int i = 0; i < count; i++) {
			double was = dp[i];
			dp[i] = was + REFERENCE_STEP;
			double above = linear_loss(&l, dp, din);
			dp[i] = was - REFERENCE_STEP;
			expected[i] = (above - linear_loss(&l, dp, din)) / (2 * REFERENCE_STEP);
			dp[i] = was;
		}
		for (int i = 0; i < ROWS * some; i++) {
			int at = i / some * m.width[0] + first + i % some;
			double was = din[at];
			din[at] = was + REFERENCE_STEP;
			double above = linear_loss(&l, dp, din);
			din[at] = was - REFERENCE_STEP;
			in_expected[i] = (above - linear_loss(&l, dp, din)) / (2 * REFERENCE_STEP);
			din[at] = was;
		}
		bool dead =
			true; /* where no unit lets anything through there is nothing to compare */
		for (int i = 0; i < ROWS * some; i++) {
			dead = dead && in_expected[i] == 0;
		}
		assert_gradient("parameters", gradient, expected, count);
		if (!dead) {
			assert_gradient("inputs", in_change, in_expected, ROWS * some);
		}
		mlp_trace_free(&t);
	}
}

/* --- losses -------------------------------------------------------------------------------------
 */

enum { AGENTS = 3, SEEN = 4, DONE = 2, BATCH = 23 };

struct bench {
	struct maddpg m;
	struct experience e;
	struct batch b;
};

static void open_bench(struct bench *x, bool independent, bool twin, uint64_t *seed)
{
	struct maddpg_conf conf = maddpg_defaults(AGENTS, SEEN, DONE);
	conf.hidden = 9;
	conf.batch = BATCH;
	conf.independent = independent;
	conf.twin = twin;
	conf.logit_price = 0.05f;
	conf.seed = random_next(seed);
	assert_int_equal(maddpg_init(&x->m, &conf), 0);
	x->m.rows = 10; /* so that the batch is taken in steps */
	assert_int_equal(experience_init(&x->e, AGENTS, SEEN, DONE, 100), 0);
	assert_int_equal(batch_init(&x->b, &x->e, BATCH), 0);
	for (int i = 0; i < 130; i++) {
		float n[AGENTS * (2 * SEEN + DONE + 1)];
		fill(seed, n, AGENTS * (2 * SEEN + DONE + 1), 1);
		experience_add(&x->e, n, n + AGENTS * SEEN, n + AGENTS * (SEEN + DONE),
			       n + AGENTS * (SEEN + DONE + 1), i % 5 == 0);
	}
	for (int i = 0; i < AGENTS; i++) { /* beyond the small numbers of the beginning */
		fill(seed, x->m.agent[i].actor, mlp_parameters(&x->m.actor), 0.6);
		fill(seed, x->m.agent[i].actor_target, mlp_parameters(&x->m.actor), 0.6);
		for (int k = 0; k < x->m.critics; k++) {
			fill(seed, x->m.agent[i].critic[k], mlp_parameters(&x->m.critic), 0.6);
			fill(seed, x->m.agent[i].critic_target[k], mlp_parameters(&x->m.critic),
			     0.6);
		}
	}
	experience_draw(&x->e, 5, 0, &x->b);
}

static void close_bench(struct bench *x)
{
	batch_free(&x->b);
	experience_free(&x->e);
	maddpg_free(&x->m);
}

/* What a critic sees of a row, with `agent` doing what is given (NULL: what it did). */
static void critic_sees(const struct bench *x, int agent, const struct matrix *rows, int row,
			const double *acting, double *out)
{
	int width = SEEN + DONE, n = 0;
	for (int i = 0; i < AGENTS; i++) {
		const float *from = rows->at + row * rows->stride + i * width;
		if (x->m.conf.independent && i != agent) {
			continue;
		}
		for (int c = 0; c < width; c++) {
			bool own = acting && i == agent && c >= SEEN;
			out[n++] = own ? acting[c - SEEN] : (double)from[c];
		}
	}
}

static double critic_loss(const struct bench *x, int agent, const double *parameters,
			  const float *target)
{
	double loss = 0;
	for (int r = 0; r < BATCH; r++) {
		double in[REFERENCE_WIDTH_MAX], q;
		critic_sees(x, agent, &x->b.now, r, NULL, in);
		reference_mlp(&x->m.critic, parameters, in, &q);
		loss += (q - (double)target[r]) * (q - (double)target[r]) / BATCH;
	}
	return loss;
}

static double actor_loss(const struct bench *x, int agent, const double *parameters,
			 const double *critic)
{
	double loss = 0;
	for (int r = 0; r < BATCH; r++) {
		double in[REFERENCE_WIDTH_MAX], see[SEEN], act[DONE], q;
		const float *from = x->b.now.at + r * x->b.now.stride + agent * (SEEN + DONE);
		reference_double(from, see, SEEN);
		reference_mlp(&x->m.actor, parameters, see, act);
		for (int c = 0; c < DONE; c++) {
			loss += (double)x->m.conf.logit_price * act[c] * act[c] / (BATCH * DONE);
			act[c] = tanh(act[c]);
		}
		critic_sees(x, agent, &x->b.now, r, act, in);
		reference_mlp(&x->m.critic, critic, in, &q);
		loss -= q / BATCH;
	}
	return loss;
}

static void check_targets(struct bench *x, int agent, const float *target)
{
	for (int r = 0; r < BATCH; r++) {
		double lowest = INFINITY, in[REFERENCE_WIDTH_MAX], p[NUMBERS_MAX], q;
		critic_sees(x, agent, &x->b.next, r, NULL, in);
		for (int k = 0; k < x->m.critics; k++) {
			reference_double(x->m.agent[agent].critic_target[k], p,
					 mlp_parameters(&x->m.critic));
			reference_mlp(&x->m.critic, p, in, &q);
			lowest = fmin(lowest, q);
		}
		double y = (double)x->b.reward[agent * BATCH + r] +
			   (double)x->m.conf.discount * (double)x->b.goes_on[r] * lowest;
		assert_true(fabs(y - (double)target[r]) < 1e-5 * (1 + fabs(y)));
	}
}

static void check_losses(struct bench *x, int agent)
{
	static float gradient[NUMBERS_MAX], target[BATCH];
	static double p[NUMBERS_MAX], critic[NUMBERS_MAX], expected[NUMBERS_MAX];
	struct maddpg *m = &x->m;
	maddpg_targets(m, m->room, agent, &x->b, target);
	check_targets(x, agent, target);
	for (int k = 0; k < m->critics; k++) {
		int count = mlp_parameters(&m->critic);
		double loss = maddpg_critic_gradient(m, m->room, agent, k, &x->b, target, gradient);
		reference_double(m->agent[agent].critic[k], p, count);
		assert_true(fabs(loss - critic_loss(x, agent, p, target)) < 1e-5 * (1 + loss));
		for (int i = 0; i < count; i++) {
			double was = p[i];
			p[i] = was + REFERENCE_STEP;
			double above = critic_loss(x, agent, p, target);
			p[i] = was - REFERENCE_STEP;
			expected[i] =
				(above - critic_loss(x, agent, p, target)) / (2 * REFERENCE_STEP);
			p[i] = was;
		}
		assert_gradient("critic", gradient, expected, count);
	}
	int count = mlp_parameters(&m->actor);
	float *kept = malloc((size_t)(BATCH * x->b.now.stride) * sizeof(float));
	memcpy(kept, x->b.now.at, (size_t)(BATCH * x->b.now.stride) * sizeof(float));
	double loss = maddpg_actor_gradient(m, m->room, agent, &x->b, gradient);
	assert_memory_equal(kept, x->b.now.at, (size_t)(BATCH * x->b.now.stride) * sizeof(float));
	free(kept);
	reference_double(m->agent[agent].actor, p, count);
	reference_double(m->agent[agent].critic[0], critic, mlp_parameters(&m->critic));
	assert_true(fabs(loss - actor_loss(x, agent, p, critic)) < 1e-5 * (1 + fabs(loss)));
	for (int i = 0; i < count; i++) {
		double was = p[i];
		p[i] = was + REFERENCE_STEP;
		double above = actor_loss(x, agent, p, critic);
		p[i] = was - REFERENCE_STEP;
		expected[i] = (above - actor_loss(x, agent, p, critic)) / (2 * REFERENCE_STEP);
		p[i] = was;
	}
	assert_gradient("actor", gradient, expected, count);
}

static void test_losses(void **unused)
{
	/* The losses of MADDPG, independent DDPG and MATD3, their targets and gradients are those
	 * of a plain reckoning in double and of finite differences to 1e-4. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int kind = 0; kind < 3; kind++) {
		struct bench x;
		open_bench(&x, kind == 1, kind == 2, &seed);
		maddpg_next_actions(&x.m, x.m.room, &x.b);
		for (int r = 0; r < BATCH; r++) {
			for (int i = 0; i < AGENTS; i++) {
				double see[SEEN], act[DONE], p[NUMBERS_MAX];
				const float *at =
					x.b.next.at + r * x.b.next.stride + i * (SEEN + DONE);
				reference_double(at, see, SEEN);
				reference_double(x.m.agent[i].actor_target, p,
						 mlp_parameters(&x.m.actor));
				reference_mlp(&x.m.actor, p, see, act);
				for (int c = 0; c < DONE; c++) {
					double off = fabs(tanh(act[c]) - (double)at[SEEN + c]);
					assert_true(off < 1e-5 ||
						    (kind == 2 &&
						     off <= (double)x.m.conf.smooth_most + 1e-5));
				}
			}
		}
		for (int agent = 0; agent < AGENTS; agent++) {
			check_losses(&x, agent);
		}
		close_bench(&x);
	}
}

/* --- updates ------------------------------------------------------------------------------------
 */

static void test_same(void **unused)
{
	/* The same seed gives the same learner bit for bit after twenty updates, another seed
	 * another one. */
	(void)unused;
	for (int kind = 0; kind < 3; kind++) {
		struct bench x[3];
		for (int i = 0; i < 3; i++) {
			uint64_t seed = i == 2 ? 77 : 76;
			open_bench(&x[i], kind == 1, kind == 2, &seed);
			for (int n = 0; n < 20; n++) {
				experience_draw(&x[i].e, 9, n, &x[i].b);
				assert_int_equal(maddpg_update(&x[i].m, &x[i].b), 0);
			}
		}
		size_t size = x[0].m.numbers * sizeof(float);
		assert_memory_equal(x[0].m.memory, x[1].m.memory, size);
		assert_true(memcmp(x[0].m.memory, x[2].m.memory, size) != 0);
		for (int i = 0; i < 3; i++) {
			close_bench(&x[i]);
		}
	}
}

static void test_update(void **unused)
{
	/* An update lowers a critic's loss on its batch, moves targets by their part, and updates
	 * the actors of MATD3 every second time; what is not finite is said and changes nothing. */
	(void)unused;
	uint64_t seed = random_seed();
	struct bench x;
	open_bench(&x, false, true, &seed);
	struct maddpg_agent *a = &x.m.agent[1];
	float was = a->critic_target[0][0], actor = a->actor[0];
	double first = 0;
	for (int n = 0; n < 300; n++) {
		assert_int_equal(maddpg_update(&x.m, &x.b), 0);
		first = n ? first : a->critic_loss;
		if (n == 0) {
			assert_true(a->actor[0] == actor && a->critic_target[0][0] == was);
		} else if (n == 1) {
			assert_true(a->actor[0] != actor);
			double moved = (double)a->critic_target[0][0] - (double)was;
			double due = 0.01 * ((double)a->critic[0][0] - (double)was);
			assert_true(fabs(moved - due) < 1e-6);
		}
	}
	assert_true(a->critic_loss < 0.5 * first);
	x.b.reward[AGENTS * BATCH - 1] = NAN; /* the last agent's: the others do not step either */
	size_t size = x.m.numbers * sizeof(float);
	float *kept = malloc(size);
	memcpy(kept, x.m.memory, size);
	assert_int_equal(maddpg_update(&x.m, &x.b), -EDOM);
	assert_memory_equal(kept, x.m.memory, size);
	free(kept);
	close_bench(&x);
}

enum { WIDE = 300, UPDATES = 6 };

/* A learner that has learned from the same for some updates, its threads changed on the way. */
static void learn_by(struct bench *x, int kind, int threads, int then)
{
	struct maddpg_conf conf = maddpg_defaults(AGENTS, SEEN, DONE);
	uint64_t seed = 31;
	conf.hidden = 12;
	conf.batch = WIDE + kind; /* no multiple of anything */
	conf.independent = kind == 1;
	conf.twin = kind == 2;
	assert_int_equal(maddpg_init(&x->m, &conf), 0);
	assert_true(x->m.parts > 2);
	assert_int_equal(maddpg_threads(&x->m, threads), 0);
	assert_int_equal(experience_init(&x->e, AGENTS, SEEN, DONE, 100), 0);
	assert_int_equal(batch_init(&x->b, &x->e, conf.batch), 0);
	for (int i = 0; i < 100; i++) {
		float n[AGENTS * (2 * SEEN + DONE + 1)];
		fill(&seed, n, AGENTS * (2 * SEEN + DONE + 1), 1);
		experience_add(&x->e, n, n + AGENTS * SEEN, n + AGENTS * (SEEN + DONE),
			       n + AGENTS * (SEEN + DONE + 1), i % 5 == 0);
	}
	for (int n = 0; n < UPDATES; n++) {
		if (n == UPDATES / 2) {
			assert_int_equal(maddpg_threads(&x->m, then), 0);
		}
		experience_draw(&x->e, 9, n, &x->b);
		assert_int_equal(maddpg_update(&x->m, &x->b), 0);
	}
}

static void test_threads(void **unused)
{
	/* However many threads an update is divided over, the learner comes to the same bits, by
	 * MADDPG, DDPG and MATD3; too many are refused, and those before stay. */
	(void)unused;
	static const int threads[][2] = { { 2, 2 }, { 3, 3 }, { 2, 1 }, { 1, 9 } };
	for (int kind = 0; kind < 3; kind++) {
		struct bench alone, x;
		learn_by(&alone, kind, 1, 1);
		for (size_t i = 0; i < sizeof(threads) / sizeof(*threads); i++) {
			learn_by(&x, kind, threads[i][0], threads[i][1]);
			assert_memory_equal(alone.m.memory, x.m.memory,
					    x.m.numbers * sizeof(float));
			for (int k = 0; k < AGENTS; k++) {
				assert_true(alone.m.agent[k].critic_loss ==
					    x.m.agent[k].critic_loss);
				assert_true(alone.m.agent[k].value == x.m.agent[k].value);
			}
			close_bench(&x);
		}
		assert_int_equal(maddpg_threads(&alone.m, 0), -EINVAL);
		assert_int_equal(maddpg_threads(&alone.m, 1000), -EINVAL);
		assert_int_equal(maddpg_update(&alone.m, &alone.b), 0);
		close_bench(&alone);
	}
}

static void test_parts(void **unused)
{
	/* The gradients of a batch's parts add up to that of the whole, which is that of finite
	 * differences; the parts are all its rows. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int parts = 1; parts <= 7; parts++) {
		static float whole[NUMBERS_MAX], one[NUMBERS_MAX], target[BATCH];
		static double sum[NUMBERS_MAX];
		struct bench x;
		open_bench(&x, false, parts % 2, &seed);
		struct maddpg *m = &x.m;
		int rows = 0, count = mlp_parameters(&m->critic);
		double loss = 0, actor = 0;
		maddpg_next_actions(m, m->room, &x.b);
		maddpg_targets(m, m->room, 1, &x.b, target);
		double all = maddpg_critic_gradient(m, m->room, 1, 0, &x.b, target, whole);
		memset(sum, 0, sizeof(sum));
		for (int part = 0; part < parts; part++) {
			struct batch b = batch_part(&x.b, part, parts);
			float own[BATCH];
			assert_int_equal(b.first, rows);
			rows += b.rows;
			maddpg_next_actions(m, m->room, &b);
			maddpg_targets(m, m->room, 1, &b, own);
			for (int r = 0; r < b.rows; r++) {
				assert_true(fabs((double)own[r] - (double)target[b.first + r]) <
					    1e-5);
			}
			loss += maddpg_critic_gradient(m, m->room, 1, 0, &b, own, one);
			for (int i = 0; i < count; i++) {
				sum[i] += (double)one[i];
			}
			actor += maddpg_actor_gradient(m, m->room, 1, &b, one);
		}
		assert_int_equal(rows, BATCH);
		assert_true(fabs(loss - all) < 1e-5 * (1 + all));
		assert_gradient("parts", whole, sum, count);
		all = maddpg_actor_gradient(m, m->room, 1, &x.b, whole);
		assert_true(fabs(actor - all) < 1e-5 * (1 + fabs(all)));
		close_bench(&x);
	}
}

enum { PEERS = 2, HALF = 80 };

/* Two peers in threads, who meet to average. */
struct peers {
	struct maddpg m[PEERS];
	struct batch b[PEERS];
	float *numbers[PEERS];
	pthread_barrier_t meet;
};
struct peer {
	struct peers *all;
	int rank;
};

static int average(void *context, float *numbers, size_t count)
{
	struct peer *p = context;
	float *mean = malloc(count * sizeof(*mean));
	assert_non_null(mean);
	p->all->numbers[p->rank] = numbers;
	pthread_barrier_wait(&p->all->meet);
	for (size_t i = 0; i < count; i++) {
		mean[i] = (p->all->numbers[0][i] + p->all->numbers[1][i]) / 2;
	}
	pthread_barrier_wait(&p->all->meet);
	memcpy(numbers, mean, count * sizeof(*mean));
	free(mean);
	return 0;
}

static void *learn_as_peer(void *argument)
{
	struct peer *p = argument;
	struct maddpg *m = &p->all->m[p->rank];
	const struct maddpg_peers peers = { p->rank, PEERS, average, p };
	maddpg_join(m, &peers);
	for (int n = 0; n < 3; n++) {
		assert_int_equal(maddpg_update(m, &p->all->b[p->rank]), 0);
	}
	return NULL;
}

/* Every second row of a batch. */
static void take_half(const struct batch *whole, int rank, struct batch *out)
{
	size_t columns = (size_t)whole->now.columns;
	for (int r = 0; r < HALF; r++) {
		int from = 2 * r + rank;
		memcpy(out->now.at + (size_t)r * columns, whole->now.at + (size_t)from * columns,
		       columns * sizeof(float));
		memcpy(out->next.at + (size_t)r * columns, whole->next.at + (size_t)from * columns,
		       columns * sizeof(float));
		out->goes_on[r] = whole->goes_on[from];
		for (int i = 0; i < AGENTS; i++) {
			out->reward[i * HALF + r] = whole->reward[i * PEERS * HALF + from];
		}
	}
}

static void test_peers(void **unused)
{
	/* Two peers with half a batch each stay alike to the last bit, and come to what one comes
	 * to with the whole of it but for float32. */
	(void)unused;
	uint64_t seed = random_seed();
	for (int kind = 0; kind < 2; kind++) {
		struct peers all;
		struct bench x;
		struct peer peer[PEERS];
		pthread_t id[PEERS];
		open_bench(&x, kind == 1, false, &seed);
		struct maddpg_conf conf = x.m.conf;
		maddpg_free(&x.m);
		batch_free(&x.b);
		conf.batch = PEERS * HALF;
		assert_int_equal(maddpg_init(&x.m, &conf), 0);
		assert_int_equal(batch_init(&x.b, &x.e, conf.batch), 0);
		experience_draw(&x.e, 5, 0, &x.b);
		conf.batch = HALF;
		pthread_barrier_init(&all.meet, NULL, PEERS);
		for (int k = 0; k < PEERS; k++) {
			assert_int_equal(maddpg_init(&all.m[k], &conf), 0);
			assert_int_equal(batch_init(&all.b[k], &x.e, HALF), 0);
			take_half(&x.b, k, &all.b[k]);
			peer[k] = (struct peer){ &all, k };
			assert_int_equal(pthread_create(&id[k], NULL, learn_as_peer, &peer[k]), 0);
		}
		for (int n = 0; n < 3; n++) {
			assert_int_equal(maddpg_update(&x.m, &x.b), 0);
		}
		for (int k = 0; k < PEERS; k++) {
			pthread_join(id[k], NULL);
		}
		assert_memory_equal(all.m[0].memory, all.m[1].memory, x.m.numbers * sizeof(float));
		double off = 0, all_off = 0;
		for (size_t i = 0; i < x.m.numbers; i++) {
			double one = fabs((double)x.m.memory[i] - (double)all.m[0].memory[i]);
			off = fmax(off, one);
			all_off += one / (double)x.m.numbers;
		}
		print_message("off by %.1e at most, %.1e in the mean\n", off, all_off);
		assert_true(off < 1e-5 && all_off < 1e-8);
		for (int i = 0; i < AGENTS; i++) {
			assert_true(fabs(x.m.agent[i].critic_loss - all.m[1].agent[i].critic_loss) <
				    1e-5 * (1 + x.m.agent[i].critic_loss));
		}
		for (int k = 0; k < PEERS; k++) {
			maddpg_free(&all.m[k]);
			batch_free(&all.b[k]);
		}
		pthread_barrier_destroy(&all.meet);
		close_bench(&x);
	}
}

static void test_adam(void **unused)
{
	/* Adam steps as its paper says, a gradient is cut to its norm, and neither is a target led
	 * astray. */
	(void)unused;
	float mean[3] = { 0 }, square[3] = { 0 }, p[3] = { 1, -2, 0.5f }, g[3];
	double m[3] = { 0 }, v[3] = { 0 }, expected[3] = { 1, -2, 0.5 };
	struct adam adam = { .count = 3, .mean = mean, .square = square };
	for (int step = 1; step <= 50; step++) {
		for (int i = 0; i < 3; i++) {
			g[i] = (float)(sin(step * (i + 1)) + 0.3);
			m[i] = 0.9 * m[i] + 0.1 * (double)g[i];
			v[i] = 0.999 * v[i] + 0.001 * (double)g[i] * (double)g[i];
			double m_hat = m[i] / (1 - pow(0.9, step)),
			       v_hat = v[i] / (1 - pow(0.999, step));
			expected[i] -= 0.01 * m_hat / (sqrt(v_hat) + 1e-8);
		}
		adam_step(&adam, 0.01f, g, p);
		for (int i = 0; i < 3; i++) {
			assert_true(fabs((double)p[i] - expected[i]) < 1e-5);
		}
	}
	float long_one[2] = { 3, 4 }, short_one[2] = { 0.3f, 0.4f };
	assert_true(fabs(gradient_cut(long_one, 2, 0.5) - 5) < 1e-6);
	assert_true(fabs((double)long_one[0] - 0.3) < 1e-6 &&
		    fabs((double)long_one[1] - 0.4) < 1e-6);
	assert_true(fabs(gradient_cut(short_one, 2, 0.6) - 0.5) < 1e-6);
	assert_true(short_one[0] == 0.3f && short_one[1] == 0.4f);
}

static void test_experience(void **unused)
{
	/* A full experience forgets its oldest steps; batches are drawn from all that is kept,
	 * alike, with each agent's observations, actions and rewards where they belong. */
	(void)unused;
	enum { STEPS = 50, KEPT = 20, ROUNDS = 200 };
	struct experience e;
	struct batch b;
	int seen[STEPS] = { 0 };
	assert_int_equal(experience_init(&e, 2, 2, 1, 0), -EINVAL);
	experience_free(&e);
	assert_int_equal(experience_init(&e, 2, 2, 1, KEPT), 0);
	assert_int_equal(batch_init(&b, &e, 10), 0);
	assert_true(experience_reward_most(&e) == 0);
	for (int i = 0; i < STEPS; i++) {
		float n = (float)i, see[4] = { n, n + 100, n + 200, n + 300 },
		      act[2] = { -n, -n - 100 };
		float next[4] = { n + 1, n + 101, n + 201, n + 301 }, got[2] = { 2 * n, -3 * n };
		experience_add(&e, see, act, got, next, i % 2);
	}
	assert_true(experience_reward_most(&e) == 3.0 * (STEPS - 1));
	for (int64_t k = 0; k < ROUNDS; k++) {
		experience_draw(&e, 3, k, &b);
		for (int r = 0; r < b.rows; r++) {
			const float *now = b.now.at + r * b.now.stride;
			const float *next = b.next.at + r * b.next.stride;
			int i = (int)now[0];
			float n = (float)i;
			assert_in_range(i, STEPS - KEPT, STEPS - 1);
			assert_true(now[1] == n + 100 && now[2] == -n && now[3] == n + 200);
			assert_true(now[4] == n + 300 && now[5] == -n - 100);
			assert_true(next[0] == n + 1 && next[3] == n + 201 && next[4] == n + 301);
			assert_true(b.reward[r] == 2 * n && b.reward[b.rows + r] == -3 * n);
			assert_true(b.goes_on[r] == (float)(1 - i % 2));
			seen[i]++;
		}
	}
	for (int i = STEPS - KEPT; i < STEPS; i++) { /* 100 each, +- 10 */
		assert_in_range(seen[i], 60, 140);
	}
	batch_free(&b);
	experience_free(&e);
}

static void test_export(void **unused)
{
	/* An exported actor is loaded as such and answers as the learner does, to 1e-6. */
	(void)unused;
	uint64_t seed = random_seed();
	struct bench x;
	char path[64];
	open_bench(&x, false, false, &seed);
	write_temporary("", path);
	for (int agent = 0; agent < AGENTS; agent++) {
		struct actor *a = NULL;
		struct diag d = { .to = stderr };
		assert_int_equal(maddpg_export(&x.m, agent, path), 0);
		assert_int_equal(actor_load(path, NULL, &a, &d), 0);
		assert_int_equal(a->parameters, mlp_parameters(&x.m.actor));
		assert_string_equal(a->input[0].name, "observation");
		assert_string_equal(a->output[0].name, "action");
		for (int i = 0; i < 200; i++) {
			float see[SEEN], ours[DONE];
			fill(&seed, see, SEEN, 3);
			maddpg_act(&x.m, x.m.room, agent, see, ours);
			memcpy(a->input[0].tensor->real, see, sizeof(see));
			actor_run(a);
			for (int c = 0; c < DONE; c++) {
				double theirs = (double)a->output[0].tensor->real[c];
				assert_true(fabs(theirs - (double)ours[c]) <= 1e-6);
			}
		}
		actor_free(a);
	}
	assert_int_equal(maddpg_export(&x.m, 0, "/nowhere/at/all.onnx"), -ENOENT);
	assert_int_equal(unlink(path), 0);
	close_bench(&x);
}

static void test_refused(void **unused)
{
	/* A learner of sizes or rates that make no sense is refused. */
	(void)unused;
	for (int i = 0; i < 7; i++) {
		struct maddpg_conf conf = maddpg_defaults(2, 3, 1);
		struct maddpg m;
		conf.agents = i == 0 ? 0 : conf.agents;
		conf.hidden = i == 1 ? MLP_WIDTH_MAX + 1 : conf.hidden;
		conf.batch = i == 2 ? 0 : conf.batch;
		conf.discount = i == 3 ? 1.5f : conf.discount;
		conf.actor_rate = i == 4 ? NAN : conf.actor_rate;
		conf.follow = i == 5 ? 0 : conf.follow;
		conf.observations = i == 6 ? MLP_WIDTH_MAX : conf.observations; /* the critic's */
		assert_int_equal(maddpg_init(&m, &conf), -EINVAL);
		maddpg_free(&m);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_layers),     cmocka_unit_test(test_losses),
		cmocka_unit_test(test_same),       cmocka_unit_test(test_update),
		cmocka_unit_test(test_threads),    cmocka_unit_test(test_parts),
		cmocka_unit_test(test_peers),      cmocka_unit_test(test_adam),
		cmocka_unit_test(test_experience), cmocka_unit_test(test_export),
		cmocka_unit_test(test_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
