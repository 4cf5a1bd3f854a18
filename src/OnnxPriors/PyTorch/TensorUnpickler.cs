using System.Buffers.Binary;
using System.Collections.Immutable;
using System.Text;

namespace OnnxPriors.PyTorch;

/// <summary>A dictionary of a pickle, in its order; later entries of a key take the place of earlier ones, as in Python.</summary>
internal sealed class PickledDictionary
{
    private readonly Dictionary<object, int> places = [];

    public List<KeyValuePair<object, object?>> Items { get; } = [];

    public void Set(object key, object? value)
    {
        if (places.TryGetValue(key, out var at))
            Items[at] = new(key, value);
        else
        {
            places.Add(key, Items.Count);
            Items.Add(new(key, value));
        }
    }
}

/// <summary>
/// Reads the part of Python's pickle that PyTorch writes for tensors: a machine with a stack and a memo that builds numbers, strings,
/// tuples, lists, dictionaries and tensors, and nothing else. No name is ever looked up or called: the few that stand for storages and
/// tensors are known here, every other one is refused where it is read, before anything could be done with it.
/// </summary>
/// <remarks>The opcodes are those of Python's pickletools; the names those of torch/serialization.py and torch/_utils.py.</remarks>
internal sealed class TensorUnpickler
{
    private const int MostObjects = 4_000_000, MostText = 1 << 20;

    private static readonly object Mark = new();

    private static readonly Dictionary<string, object> Known = new(StringComparer.Ordinal)
    {
        ["torch._utils _rebuild_tensor_v2"] = Callable.Tensor,
        ["torch._utils _rebuild_parameter"] = Callable.Parameter,
        ["collections OrderedDict"] = Callable.OrderedDictionary,
        ["torch FloatStorage"] = TorchType.Float32,
        ["torch DoubleStorage"] = TorchType.Float64,
        ["torch HalfStorage"] = TorchType.Float16,
        ["torch BFloat16Storage"] = TorchType.BFloat16,
        ["torch LongStorage"] = TorchType.Int64,
        ["torch IntStorage"] = TorchType.Int32,
        ["torch ShortStorage"] = TorchType.Int16,
        ["torch CharStorage"] = TorchType.Int8,
        ["torch ByteStorage"] = TorchType.UInt8,
        ["torch BoolStorage"] = TorchType.Bool,
    };

    private readonly byte[] bytes;
    private readonly List<object?> stack = [];
    private readonly Dictionary<long, object?> memo = [];
    private int at;
    private int made;

    private TensorUnpickler(byte[] bytes) => this.bytes = bytes;

    private enum Callable
    {
        Tensor,
        Parameter,
        OrderedDictionary,
    }

    /// <summary>Reads a pickle: null, bool, long, double, string, object?[] for tuples, List for lists, <see cref="PickledDictionary"/>, <see cref="TorchTensor"/>.</summary>
    /// <exception cref="FormatException">It holds something else, or is damaged; the message says what.</exception>
    public static object? Read(byte[] bytes) => new TensorUnpickler(bytes).Run();

    private object? Run()
    {
        while (true)
        {
            var place = at;
            switch ((char)Byte())
            {
                case '\x80':
                    if (Byte() is var protocol and > 5)
                        throw new FormatException($"it is a pickle of protocol {protocol}");
                    break;
                case '\x95':
                    Take(8);
                    break;
                case '.':
                    return stack.Count == 1 ? stack[0] : throw new FormatException($"it ends with {stack.Count} objects");
                case '(':
                    Push(Mark);
                    break;
                case 'N':
                    Push(null);
                    break;
                case '\x88':
                    Push(true);
                    break;
                case '\x89':
                    Push(false);
                    break;
                case 'J':
                    Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4)));
                    break;
                case 'K':
                    Push((long)Byte());
                    break;
                case 'M':
                    Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2)));
                    break;
                case '\x8a':
                    Push(Long(Take(Byte())));
                    break;
                case 'G':
                    Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8)));
                    break;
                case 'X':
                    Push(Text(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                    break;
                case '\x8c':
                    Push(Text(Byte()));
                    break;
                case 'c':
                    Push(Global(Line(), Line()));
                    break;
                case '\x93':
                    var name = Pop<string>("a name");
                    Push(Global(Pop<string>("a module's name"), name));
                    break;
                case ')':
                    Push(Array.Empty<object?>());
                    break;
                case '\x85' or '\x86' or '\x87':
                    Push(PopMany(bytes[place] - 0x84));
                    break;
                case 't':
                    Push(PopToMark());
                    break;
                case ']':
                    Push(new List<object?>());
                    break;
                case '}':
                    Push(new PickledDictionary());
                    break;
                case 'a':
                    var appended = Pop();
                    Top<List<object?>>("a list").Add(appended);
                    break;
                case 'e':
                    var several = PopToMark();
                    Top<List<object?>>("a list").AddRange(several);
                    break;
                case 's':
                    var value = Pop();
                    Set(Top<PickledDictionary>("a dictionary", below: 1), [Pop(), value]);
                    break;
                case 'u':
                    var pairs = PopToMark();
                    Set(Top<PickledDictionary>("a dictionary"), pairs);
                    break;
                case 'q':
                    Remember(Byte());
                    break;
                case 'r':
                    Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)));
                    break;
                case '\x94':
                    Remember(memo.Count);
                    break;
                case 'h':
                    Push(Recall(Byte()));
                    break;
                case 'j':
                    Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))));
                    break;
                case 'Q':
                    Push(Storage(Pop<object?[]>("a storage's description")));
                    break;
                case 'R':
                    var arguments = Pop<object?[]>("arguments");
                    Push(Call(Pop(), arguments));
                    break;
                case 'b':
                    // PyTorch hangs the versions of modules on a state dictionary; they are of no use here.
                    Pop();
                    Top<PickledDictionary>("a dictionary");
                    break;
                case var other:
                    throw new FormatException($"it has the opcode 0x{(int)other:x2} at byte {place}, which tensors do not need");
            }
        }
    }

    private static object Global(string module, string name) => Known.GetValueOrDefault($"{module} {name}")
        ?? throw new FormatException($"it names '{Shown(module)}.{Shown(name)}', which is no tensor and is not called");

    private static object? Call(object? callable, object?[] arguments) => (callable, arguments) switch
    {
        (Callable.OrderedDictionary, []) => new PickledDictionary(),
        (Callable.OrderedDictionary, [List<object?> pairs]) => Filled(pairs),
        (Callable.Parameter, [TorchTensor tensor, bool, _]) => tensor,
        (Callable.Tensor, [TorchStorage storage, long offset, object?[] shape, object?[] strides, bool, PickledDictionary, ..]) =>
            TorchTensor.Of(storage, offset, Extents(shape), Extents(strides)),
        _ => throw new FormatException("it calls something with arguments that make no tensor"),
    };

    private static PickledDictionary Filled(List<object?> pairs)
    {
        var dictionary = new PickledDictionary();
        foreach (var pair in pairs)
            Set(dictionary, pair switch
            {
                object?[] { Length: 2 } tuple => tuple,
                List<object?> { Count: 2 } list => [.. list],
                _ => throw new FormatException("a dictionary is made of something that is no pair"),
            });
        return dictionary;
    }

    private static ImmutableArray<long> Extents(object?[] tuple) =>
        [.. tuple.Select(item => item as long? ?? throw new FormatException("a tensor has a dimension or stride that is no whole number"))];

    private static TorchStorage Storage(object?[] description) => description is ["storage", TorchType type, string key, string, long count, ..] && count >= 0
        ? new TorchStorage(type, key, count)
        : throw new FormatException("a storage is described in a way that this library does not know");

    private static void Set(PickledDictionary dictionary, object?[] pairs)
    {
        if (pairs.Length % 2 != 0)
            throw new FormatException("a dictionary has a key without a value");
        for (var i = 0; i < pairs.Length; i += 2)
            dictionary.Set(pairs[i] is string or long or bool or double ? pairs[i]! : throw new FormatException("a dictionary has a key that is neither a word nor a number"), pairs[i + 1]);
    }

    private static long Long(ReadOnlySpan<byte> little)
    {
        if (little.Length > sizeof(long))
            throw new FormatException($"it has a whole number of {little.Length} bytes");
        var value = little.Length > 0 && (little[^1] & 0x80) != 0 ? -1L : 0L;
        for (var i = little.Length - 1; i >= 0; i--)
            value = (value << 8) | little[i];
        return value;
    }

    private byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > bytes.Length - at)
            throw new FormatException($"it is cut short at byte {bytes.Length}");
        at += count;
        return bytes.AsSpan(at - count, count);
    }

    private string Text(uint length)
    {
        if (length > MostText)
            throw new FormatException($"it has a word of {length} bytes");
        try
        {
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Take((int)length));
        }
        catch (ArgumentException error)
        {
            throw new FormatException("it has a word that is no UTF-8", error);
        }
    }

    private string Line()
    {
        var length = bytes.AsSpan(at).IndexOf((byte)'\n');
        if (length < 0)
            throw new FormatException($"it is cut short at byte {bytes.Length}");
        var text = Text((uint)length);
        at++;
        return text;
    }

    private void Push(object? value)
    {
        if (++made > MostObjects)
            throw new FormatException($"it holds more than {MostObjects} objects");
        stack.Add(value);
    }

    private object? Pop()
    {
        if (stack.Count == 0 || ReferenceEquals(stack[^1], Mark))
            throw new FormatException("it takes an object that is not there");
        var value = stack[^1];
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private T Pop<T>(string what) => Pop() is T value ? value : throw new FormatException($"it needs {what} where something else stands");

    private T Top<T>(string what, int below = 0) => stack.Count > below && stack[^(1 + below)] is T value ? value : throw new FormatException($"it needs {what} where something else stands");

    private object?[] PopMany(int count)
    {
        var values = new object?[count];
        for (var i = count - 1; i >= 0; i--)
            values[i] = Pop();
        return values;
    }

    private object?[] PopToMark()
    {
        var mark = stack.LastIndexOf(Mark);
        if (mark < 0)
            throw new FormatException("it closes what was not opened");
        object?[] values = [.. stack.Skip(mark + 1)];
        stack.RemoveRange(mark, stack.Count - mark);
        return values;
    }

    private void Remember(long place)
    {
        if (stack.Count == 0 || memo.Count > MostObjects)
            throw new FormatException("it remembers an object that is not there");
        memo[place] = stack[^1];
    }

    private object? Recall(long place) => memo.TryGetValue(place, out var value) ? value : throw new FormatException($"it recalls object {place}, which it never had");

    private static string Shown(string name) => name.Length <= 80 ? name : name[..80] + "…";
}
