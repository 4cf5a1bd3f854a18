namespace OnnxPriors.Cli.Commands;

/// <summary>A place for results that cannot take them.</summary>
/// <param name="message">What is wrong, where, and what to do.</param>
internal sealed class OutputException(string message) : OnnxPriorsException(message);

/// <summary>The place that <c>-o</c> names, looked at before the work: an hour's result that cannot be saved should not begin.</summary>
internal static class OutputPath
{
    /// <summary>The path of a file to write.</summary>
    /// <exception cref="OutputException">A folder stands there, or the folder it would lie in does not.</exception>
    public static string File(string path)
    {
        if (path.Length == 0)
            throw new OutputException("-o is empty; give the name of a file.");
        if (Directory.Exists(path) || Path.EndsInDirectorySeparator(path))
            throw new OutputException($"-o is '{path}', a folder; give the name of a file.");
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        return Directory.Exists(folder) ? path : throw new OutputException($"The folder '{folder}' for '{path}' does not exist; make it, or give another -o.");
    }

    /// <summary>The path of a folder to make.</summary>
    /// <exception cref="OutputException">A file stands there.</exception>
    public static string Folder(string path)
    {
        if (path.Length == 0)
            throw new OutputException("-o is empty; give the name of a folder.");
        return System.IO.File.Exists(path) ? throw new OutputException($"-o is '{path}', a file; give the name of a folder.") : path;
    }
}
