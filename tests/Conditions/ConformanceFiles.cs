namespace OnnxPriors.Testing;

/// <summary>Where Debian's package libonnx-testdata keeps the cases of ONNX's backend tests.</summary>
internal static class ConformanceFiles
{
    /// <summary>The folder of the kinds of cases: node, simple, pytorch-operator, pytorch-converted.</summary>
    public static string Root => "/usr/share/libonnx-testdata/data";

    /// <summary>The folders of all cases.</summary>
    public static IReadOnlyList<string> Folders => !Directory.Exists(Root) ? []
        : [.. Directory.GetDirectories(Root).SelectMany(Directory.GetDirectories).Where(f => File.Exists(Path.Combine(f, "model.onnx"))).Order(StringComparer.Ordinal)];
}

/// <summary>Skips a test, with the reason, where ONNX's cases are not installed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class RequiresConformanceCasesAttribute : ConditionBaseAttribute
{
    public RequiresConformanceCasesAttribute() : base(ConditionMode.Include) =>
        IgnoreMessage = "ONNX's own test cases (Debian's package libonnx-testdata) are not on this machine.";

    public override string GroupName => "RequiresConformanceCases";

    public override bool IsConditionMet => Directory.Exists(ConformanceFiles.Root);
}
