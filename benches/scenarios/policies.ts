/** What each flush policy and level costs, in this process: every promise is a side. */
import { CROWD, policies, policyRound, SIZE } from '../policy-work.ts';
import type { Figures, Scenario, Side } from '../scenario.ts';

const RATE = 1000;

export const policyCosts: Scenario = {
  name: 'policies',
  what: `appends of ${SIZE} B to an embedded log: alone, ${RATE} a second (open loop), and ${CROWD} callers at a time`,
  goals: [],
  usesLoadTools: false,
  async open(workplace) {
    const { seconds } = workplace.size;
    const dir = workplace.directory('policies');
    return policies.map(
      (promised): Side => ({
        name: promised.join(', '),
        async measure(): Promise<Figures> {
          const { alone, steady, crowd } = await policyRound(promised, { dir, durationMs: seconds * 300, rate: RATE });
          return {
            aloneLatencyMicrosP50: alone.latencyMicros.p50,
            latencyMicrosP50: steady.latencyMicros.p50,
            latencyMicrosP90: steady.latencyMicros.p90,
            latencyMicrosP99: steady.latencyMicros.p99,
            latencyMicrosP999: steady.latencyMicros.p999,
            rateMet: steady.rateMet ? 1 : 0,
            recordsPerSecond: crowd.recordsPerSecond,
          };
        },
      }),
    );
  },
};
