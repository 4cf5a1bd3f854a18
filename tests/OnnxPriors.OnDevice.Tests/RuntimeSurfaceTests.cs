using System.Reflection;
using System.Text.RegularExpressions;
using Microsoft.ML.OnnxRuntime;

namespace OnnxPriors.OnDevice.Tests;

/// <summary>
/// The library is also built against the managed API of ONNX Runtime 1.19.2, the last that has the Training API's native library beside it.
/// That package is not everywhere at hand, so what the library calls is held against a list that was reviewed against the sources.
/// </summary>
[TestClass]
public sealed partial class RuntimeSurfaceTests
{
    // csharp/src/Microsoft.ML.OnnxRuntime of microsoft/onnxruntime: #16206 made OrtValue public, and sessions take it, in 1.16; #19048 lets
    // TrainStep and EvalStep take and give it, in 1.18; the training types' other members are of 1.16 (#15720, #15935) and were not changed.
    private static readonly string[] Surface =
    [
        "CheckpointState: CheckpointState LoadCheckpoint(String)",
        "CheckpointState: Void SaveCheckpoint(CheckpointState, String, Boolean)",
        "InferenceSession: IDisposableReadOnlyCollection`1[OrtValue] Run(RunOptions, IReadOnlyDictionary`2[String,OrtValue], IReadOnlyCollection`1[String])",
        "InferenceSession: Void .ctor(String)",
        "InferenceSession: Void Run(RunOptions, IReadOnlyCollection`1[String], IReadOnlyCollection`1[OrtValue], IReadOnlyCollection`1[String], IReadOnlyCollection`1[OrtValue])",
        "OrtEnv: OrtEnv Instance()",
        "OrtEnv: String GetVersionString()",
        "OrtMemoryInfo: OrtMemoryInfo get_DefaultInstance()",
        "OrtValue: OrtValue CreateTensorValueFromMemory[T](OrtMemoryInfo, Memory`1[T], Int64[])",
        "OrtValue: OrtValue CreateTensorValueFromMemory[T](T[], Int64[])",
        "OrtValue: OrtValue CreateTensorValueWithData(OrtMemoryInfo, TensorElementType, Int64[], IntPtr, Int64)",
        "OrtValue: ReadOnlySpan`1[T] GetTensorDataAsSpan[T]()",
        "OrtValue: Void Dispose()",
        "RunOptions: Void .ctor()",
        "TrainingSession: IDisposableReadOnlyCollection`1[OrtValue] EvalStep(IReadOnlyCollection`1[OrtValue])",
        "TrainingSession: IDisposableReadOnlyCollection`1[OrtValue] TrainStep(IReadOnlyCollection`1[OrtValue])",
        "TrainingSession: OrtValue ToBuffer(Boolean)",
        "TrainingSession: Void .ctor(CheckpointState, String, String, String)",
        "TrainingSession: Void Dispose()",
        "TrainingSession: Void LazyResetGrad()",
        "TrainingSession: Void OptimizerStep()",
        "TrainingSession: Void SetLearningRate(Single)",
    ];

    [TestMethod]
    public void Nothing_is_called_that_managed_ONNX_Runtime_1_19_2_lacks()
    {
        var used = Used(typeof(DeviceTrainer).Module).ToList();
        Assert.AreSequenceEqual(Surface, used);
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
                    found.Add($"{type.Name}: {Namespaces().Replace($"{member}", "")}");
            }
            catch (ArgumentOutOfRangeException)
            {
                return found;
            }
        }
    }

    [GeneratedRegex(@"\b[A-Za-z]+\.(?=[A-Za-z])")]
    private static partial Regex Namespaces();

    private static bool IsOrt(Type type) => type.Assembly == typeof(InferenceSession).Assembly;
}
