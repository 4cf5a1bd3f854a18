using System.Reflection;
using Microsoft.ML.OnnxRuntime;

namespace OnnxPriors.OnDevice.Tests;

/// <summary>
/// The library is also built against the managed API of ONNX Runtime 1.19.2, the last that has the Training API's native library beside it.
/// That package is not everywhere at hand, so what the library calls is held against a list that was reviewed against the sources.
/// </summary>
[TestClass]
public sealed class RuntimeSurfaceTests
{
    // Since 1.16 unless said otherwise (microsoft/onnxruntime #16206 brought OrtValue, and sessions that take it).
    private static readonly string[] Surface =
    [
        "TODO",
    ];

    [TestMethod]
    public void Nothing_is_called_that_managed_ONNX_Runtime_1_19_2_lacks()
    {
        var used = Used(typeof(DeviceTrainer).Module).ToList();
        Assert.AreSequenceEqual(Surface.Order(StringComparer.Ordinal), used, string.Join('\n', used));
    }

    // Every member of ONNX Runtime's assembly that the module refers to: rows of its table of member references (ECMA-335, II.22.25).
    private static IEnumerable<string> Used(Module module)
    {
        var found = new SortedSet<string>(StringComparer.Ordinal);
        for (var token = 0x0A000001; ; token++)
        {
            try
            {
                // Generic code of the module's own is resolved with placeholders; ONNX Runtime's types are never open there.
                if (module.ResolveMember(token, [typeof(object), typeof(object)], [typeof(object), typeof(object)]) is { DeclaringType: { } type } member && IsOrt(type))
                    found.Add($"{type.Name}: {member}");
            }
            catch (ArgumentOutOfRangeException)
            {
                return found;
            }
        }
    }

    private static bool IsOrt(Type type) => type.Assembly == typeof(InferenceSession).Assembly;
}
