using System.Globalization;

namespace OnnxPriors.Cli.Conformance;

/// <summary>A case in the layout of ONNX's backend tests: a model, and sets of inputs with the outputs expected of them.</summary>
/// <param name="Folder">The folder that holds <c>model.onnx</c>.</param>
internal sealed record ConformanceCase(string Folder)
{
    // Debian's package has its cases two levels below its root; a folder of folders without end is none.
    private const int MaxDepth = 4;

    private const string ModelFile = "model.onnx";

    /// <summary>The folder's name.</summary>
    public string Name => Path.GetFileName(Folder);

    /// <summary>The model's file.</summary>
    public string Model => Path.Combine(Folder, ModelFile);

    /// <summary>The folders <c>test_data_set_N</c>, in the order of their names.</summary>
    public IReadOnlyList<string> DataSets => [.. Directory.GetDirectories(Folder, "test_data_set_*").Order(StringComparer.Ordinal)];

    /// <summary>The files <c>input_0.pb</c>, <c>input_1.pb</c>, … of a set, up to the first that is missing.</summary>
    public static IReadOnlyList<string> Inputs(string set) => Numbered(set, "input");

    /// <summary>The files <c>output_0.pb</c>, <c>output_1.pb</c>, … of a set, up to the first that is missing.</summary>
    public static IReadOnlyList<string> Outputs(string set) => Numbered(set, "output");

    /// <summary>All cases in a folder and in those below it, in the order of their paths.</summary>
    /// <exception cref="DirectoryNotFoundException">There is no such folder.</exception>
    /// <exception cref="ConformanceException">No folder there holds a model.</exception>
    public static IReadOnlyList<ConformanceCase> Find(string root)
    {
        if (!Directory.Exists(root))
            throw new DirectoryNotFoundException($"There is no folder '{root}'.");
        ConformanceCase[] all = [.. Below(Path.TrimEndingDirectorySeparator(Path.GetFullPath(root)), 0)];
        return all.Length > 0 ? all
            : throw new ConformanceException($"'{root}' holds no case: no folder in it or up to {MaxDepth} levels below has a file {ModelFile}.");
    }

    private static IEnumerable<ConformanceCase> Below(string folder, int depth)
    {
        if (File.Exists(Path.Combine(folder, ModelFile)))
            return [new(folder)];
        return depth == MaxDepth ? [] : Directory.GetDirectories(folder).Order(StringComparer.Ordinal).SelectMany(inner => Below(inner, depth + 1));
    }

    private static List<string> Numbered(string set, string kind)
    {
        var files = new List<string>();
        while (Path.Combine(set, string.Create(CultureInfo.InvariantCulture, $"{kind}_{files.Count}.pb")) is var file && File.Exists(file))
            files.Add(file);
        return files;
    }
}

/// <summary>A folder that holds no cases, or a worker that cannot be started.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
/// <param name="inner">The error underneath, where there is one.</param>
internal sealed class ConformanceException(string message, Exception? inner = null) : OnnxPriorsException(message, inner);
