namespace OnnxPriors.Cli.Tests.BadInput;

/// <summary>Compares what runs ended in.</summary>
internal static class RunBits
{
    /// <summary>Fails where the states of two runs are not the same bits.</summary>
    public static void AreEqual(string expected, string found)
    {
        var names = States(expected);
        Assert.AreSequenceEqual(names, States(found));
        Assert.Contains("last.bin", names);
        foreach (var name in names)
            Assert.AreSequenceEqual(File.ReadAllBytes(Path.Combine(expected, name)), File.ReadAllBytes(Path.Combine(found, name)), name);
        Assert.IsEmpty(Directory.GetFiles(found, "*.partial", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }));
    }

    private static string[] States(string run) =>
    [
        .. Directory.GetFiles(run, "*.bin", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(run, path)).Where(name => name != "checkpoint.bin").Order(StringComparer.Ordinal),
    ];
}
