using OnnxPriors.Data.Images;

namespace OnnxPriors.Data.Sources;

/// <summary>A set of named files, in a folder or in an archive.</summary>
internal interface IFileStore : IDisposable
{
    /// <summary>The folder or archive.</summary>
    string Name { get; }

    /// <summary>The files' names, relative, with forward slashes.</summary>
    IReadOnlyList<string> Files { get; }

    /// <summary>The folders' names, relative, with forward slashes and none at the end.</summary>
    IReadOnlyList<string> Folders { get; }

    /// <summary>Reads a file into <see cref="Example.Encoded"/>; safe from any thread.</summary>
    /// <param name="file">The file's index in <see cref="Files"/>.</param>
    /// <param name="target">Takes the bytes.</param>
    /// <returns>The number of bytes.</returns>
    int Read(int file, Example target);

    /// <summary>Adds to a hash what can be known of a file's content without reading it.</summary>
    void Identify(int file, FingerprintHash hash);
}
