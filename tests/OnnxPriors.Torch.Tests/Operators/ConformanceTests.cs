using OnnxPriors.Testing;

namespace OnnxPriors.Torch.Tests.Operators;

[TestClass]
public sealed class ConformanceTests
{
    /// <summary>Parts of cases' names that are left out, and why.</summary>
    private static readonly (string Part, string Reason)[] LeftOut =
    [
        ("sequence", "a graph of tensors holds no sequences"),
        ("_seq", "a graph of tensors holds no sequences"),
        ("optional", "a graph of tensors holds no optional values"),
        ("_opt", "a graph of tensors holds no optional values"),
        ("STRING", "a graph of numbers holds no text"),
        ("strnorm", "a graph of numbers holds no text"),
        ("tfidf", "a graph of numbers holds no text"),
        ("BFLOAT16", "the case's files call the type uint16"),
        ("bernoulli", "noise differs between generators"),
        ("training_dropout", "noise differs between generators"),
        ("adagrad", "an operator of the preview training domain"),
        ("adam", "an operator of the preview training domain"),
        ("momentum", "an operator of the preview training domain"),
        ("test_scan_sum", "Scan of opset 8, which opset 9 replaced"),
        ("downsample_scales_cubic_align_corners", "the case divides by the fractional output extent; ONNX Runtime does not either"),
        ("downsample_scales_linear_align_corners", "the case divides by the fractional output extent; ONNX Runtime does not either"),
    ];

    public static IEnumerable<object[]> Cases => !Directory.Exists(ConformanceCase.Root) ? [["none", Array.Empty<object>()]] :
        Directory.GetDirectories(ConformanceCase.Root)
            .Select(folder => new ConformanceCase(folder))
            .Where(one => !LeftOut.Any(entry => one.Name.Contains(entry.Part, StringComparison.Ordinal)))
            .GroupBy(one => one.Name.Split('_')[1], StringComparer.Ordinal)
            .OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => new object[] { group.Key, group.OrderBy(one => one.Name, StringComparer.Ordinal).ToArray() });

    [TestMethod]
    [RequiresConformanceCases]
    [DynamicData(nameof(Cases), DynamicDataDisplayName = nameof(Title))]
    public void The_specifications_own_cases_come_out_right(string operatorName, object[] cases)
    {
        Assert.IsNotEmpty(operatorName);
        string[] wrong = [.. cases.Cast<ConformanceCase>().Select(one => (one.Name, Error: one.Run())).Where(r => r.Error is not null).Select(r => $"{r.Name}: {r.Error}")];
        Assert.IsEmpty(wrong, string.Join(Environment.NewLine, wrong));
    }

    public static string Title(System.Reflection.MethodInfo method, object[] data) => $"{method.Name}: {data[0]}";
}
