"""Code of emitters: compiled for CPUs of other kinds, and run where this one lacks an instruction.

Each instruction of x86 that an emitter calls by its name is spelled out below in portable ones, so
that all else is checked on any CPU; that the instructions themselves are chosen shows in the
machine code.
"""

import ctypes
import re

from llvmlite import binding, ir

from torchapprox.kernels.compiling.vector_ir import I8, I16, I32, I64, splat

binding.initialize_all_targets()
binding.initialize_all_asmprinters()

# With the features that kernels ask for, and no more than a CPU has that has these. LLVM knows
# Zen 4 from version 16 on, and ends the process over instructions of a CPU that it does not know.
BW = "+avx512f,+avx512bw"
_ZEN4 = [("znver4", "")] if binding.llvm_version_info[0] >= 16 else []
CPUS = {
    "vbmi": [*_ZEN4, ("icelake-server", ""), ("x86-64", f"{BW},+avx512vbmi")],
    "avx512bw": [*_ZEN4, ("skylake-avx512", ""), ("x86-64", BW)],
    "vnni": [*_ZEN4, ("icelake-server", ""), ("x86-64", f"{BW},+avx512vnni")],
    "avx2": [*_ZEN4, ("haswell", ""), ("x86-64", "+avx2")],
}


def emitted(count, emit):
    """Return a module whose function ``run`` of ``count`` integers an emitter has written."""
    module = ir.Module("emitted")
    function = ir.Function(module, ir.FunctionType(ir.VoidType(), [I64] * count), "run")
    builder = ir.IRBuilder(function.append_basic_block("entry"))
    emit(builder, *function.args)
    builder.ret_void()
    return module


def occurrences(module, pattern, cpu, features=""):
    """Return how many instructions of a module's machine code for a CPU fit a pattern."""
    target = binding.Target.from_triple("x86_64-unknown-linux-gnu")
    machine = target.create_target_machine(cpu=cpu, features=features, opt=3)
    code = machine.emit_assembly(_parsed(str(module)))
    names = re.findall(r"^\t(?!\.)(\S+)", code, re.MULTILINE)
    assert not any(name.startswith("call") for name in names)  # all is spelled in instructions
    return sum(re.fullmatch(pattern, name) is not None for name in names)


class Runnable:
    """A module's function ``run``, compiled for this CPU."""

    def __init__(self, module):
        for function in list(module.functions):
            if function.name in _SPELLED_OUT:
                b = ir.IRBuilder(function.append_basic_block("entry"))
                b.ret(_SPELLED_OUT[function.name](b, *function.args))
        parsed = _parsed(str(module).replace("llvm.x86.", "spelled.out."))
        machine = binding.Target.from_default_triple().create_target_machine(
            cpu=binding.get_host_cpu_name(), features=binding.get_host_cpu_features().flatten()
        )
        self._compiled = binding.create_mcjit_compiler(parsed, machine)
        self._compiled.finalize_object()
        count = len(module.get_global("run").args)
        kind = ctypes.CFUNCTYPE(None, *[ctypes.c_int64] * count)
        self._run = kind(self._compiled.get_function_address("run"))

    def __call__(self, *arguments):
        """Run it on integers and on the addresses of arrays."""
        self._run(*[a if isinstance(a, int) else a.ctypes.data for a in arguments])


def _parsed(text):
    parsed = binding.parse_assembly(text)
    parsed.verify()
    return parsed


def _by_lane(b, kind, value):
    """Join what ``value`` makes of each lane's number."""
    vector = ir.Constant(kind, ir.Undefined)
    for lane in range(kind.count):
        vector = b.insert_element(vector, value(lane), ir.Constant(I32, lane))
    return vector


def _picked(b, parts, place, kind):
    """Return the element of some vectors, one behind the other, at a place."""
    vectors = b.alloca(parts[0].type, size=len(parts))
    for number, part in enumerate(parts):
        b.store(part, b.gep(vectors, [ir.Constant(I32, number)]))
    start = b.ptrtoint(vectors, I64)
    address = b.add(start, b.mul(b.zext(place, I64), ir.Constant(I64, kind.width // 8)))
    return b.load(b.inttoptr(address, kind.as_pointer()))


def _permute(b, low, places, high):
    """VPERMI2B and VPERMI2W: the places' lowest bits pick among the lanes of two vectors."""
    kind = places.type
    places = b.and_(places, splat(kind, 2 * kind.count - 1))

    def value(lane):
        place = b.extract_element(places, ir.Constant(I32, lane))
        return _picked(b, (low, high), place, kind.element)

    return _by_lane(b, kind, value)


def _shuffle(b, row, places):
    """VPSHUFB: 4 bits pick among the bytes of the same 128 bits, and a set top bit gives 0."""

    def value(lane):
        place = b.extract_element(places, ir.Constant(I32, lane))
        within = b.and_(place, ir.Constant(I8, 15))
        byte = _picked(b, (row,), b.add(within, ir.Constant(I8, lane // 16 * 16)), I8)
        zero = b.icmp_signed("<", place, ir.Constant(I8, 0))
        return b.select(zero, ir.Constant(I8, 0), byte)

    return _by_lane(b, places.type, value)


def _products(b, x, y, lane, share, extend):
    """Return the products of the fields of one lane, 32 bits each."""
    places = [ir.Constant(I32, share * lane + i) for i in range(share)]
    fields = [
        [way(b.extract_element(part, place), I32) for place in places]
        for part, way in zip((x, y), extend, strict=True)
    ]
    return [b.mul(*pair) for pair in zip(*fields, strict=True)]


def _pairs(b, x, y):
    """VPMADDWD: products of signed integers of 16 bits, added by twos."""
    kind = ir.VectorType(I32, x.type.count // 2)

    def value(lane):
        return b.add(*_products(b, x, y, lane, 2, (b.sext, b.sext)))

    return _by_lane(b, kind, value)


def _saturating_pairs(b, x, y):
    """VPMADDUBSW: unsigned bytes times signed ones, added by twos, limited to 16 bits."""
    kind = ir.VectorType(I16, x.type.count // 2)
    low, high = ir.Constant(I32, -(2**15)), ir.Constant(I32, 2**15 - 1)

    def value(lane):
        total = b.add(*_products(b, x, y, lane, 2, (b.zext, b.sext)))
        total = b.select(b.icmp_signed("<", total, low), low, total)
        return b.trunc(b.select(b.icmp_signed(">", total, high), high, total), I16)

    return _by_lane(b, kind, value)


def _added_fours(b, total, x, y):
    """VPDPBUSD: unsigned bytes times signed ones, by fours added to a sum."""
    wide = ir.VectorType(I8, 4 * total.type.count)
    x, y = b.bitcast(x, wide), b.bitcast(y, wide)

    def value(lane):
        result = b.extract_element(total, ir.Constant(I32, lane))
        for product in _products(b, x, y, lane, 4, (b.zext, b.sext)):
            result = b.add(result, product)
        return result

    return _by_lane(b, total.type, value)


_SPELLED_OUT = {
    "llvm.x86.avx512.vpermi2var.qi.512": _permute,
    "llvm.x86.avx512.vpermi2var.hi.512": _permute,
    "llvm.x86.avx2.pshuf.b": _shuffle,
    "llvm.x86.avx512.pmaddw.d.512": _pairs,
    "llvm.x86.avx2.pmadd.wd": _pairs,
    "llvm.x86.avx2.pmadd.ub.sw": _saturating_pairs,
    "llvm.x86.avx512.vpdpbusd.512": _added_fours,
}
