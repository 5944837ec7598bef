/* Your probability, in bytes: the keep probabilities that kernels really have. Their rules
   are those of chapters/frameworks_table.py. */
(() => {
  "use strict";

  /* The nearest number >= 0 with 8 significant bits, ties to even. */
  function bfloat16(value) {
    const bits = new Uint32Array(new Float32Array([value]).buffer);
    bits[0] = (bits[0] + 0x7fff + ((bits[0] >>> 16) & 1)) & 0xffff0000;
    return new Float32Array(bits.buffer)[0];
  }

  /* How many of the 2^bits values of the random number mean "keep", at a drop rate and
     its keep probability in float32; null where the kernel refuses. `own`: the output is
     divided by the probability that the mask has. */
  const KERNELS = {
    flash: { bits: 8, kept: (drop, keep) => Math.floor(255 * keep) + 1 },
    engine: { bits: 8, kept: (drop) => 256 - Math.floor(256 * drop) },
    first: { bits: 8, kept: (drop) => ((256 * drop) % 1 ? null : 255 - 256 * drop) },
    tensorflow: { bits: 7, kept: (drop) => 128 - Math.ceil(128 * bfloat16(drop)) },
    cure: { bits: 8, kept: (drop, keep) => Math.max(Math.round(256 * keep), 1), own: true },
  };

  /* At a drop rate from 0 to 0.99: `kept` of `values`, the keep probability that this is,
     and the relative bias of the output; all null where the kernel refuses. */
  function numbers({ kernel, rate }) {
    const { bits, kept: rule, own } = KERNELS[kernel];
    const drop = Math.fround(rate);
    const kept = rule(drop, Math.fround(1 - drop));
    const values = 2 ** bits;
    if (kept === null) return { kept, values, keeps: null, bias: null };
    const keeps = kept / values;
    return { kept, values, keeps, bias: own ? 0 : keeps / (1 - rate) - 1 };
  }

  /* The staircase between two rates: [first rate, last rate] of every step, to within
     1/4096; for a kernel that refuses, the rates that it accepts. */
  function steps(kernel, low, high) {
    const found = [];
    let last = null;
    for (let i = Math.ceil(low * 4096); i <= high * 4096; i++) {
      const { kept } = numbers({ kernel, rate: i / 4096 });
      if (kept !== null && kept === last) found.at(-1)[1] = i / 4096;
      else if (kept !== null) found.push([i / 4096, i / 4096]);
      last = kept;
    }
    return found;
  }

  dropoutFigures.numbers["your-probability"] = { KERNELS, numbers, steps };
})();
