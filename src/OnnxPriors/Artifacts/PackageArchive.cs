using System.IO.Compression;

namespace OnnxPriors.Artifacts;

/// <summary>A baked folder as one zip, for what takes single files. Entries are stored as they are: weights hardly compress, and a reader may map them.</summary>
public static class PackageArchive
{
    // A zip begins its calendar here; a fixed date makes equal folders equal archives.
    private static readonly DateTimeOffset Date = new(1980, 1, 1, 0, 0, 0, TimeSpan.Zero);

    /// <summary>Writes the manifest and every file it names; the archive appears whole or not at all.</summary>
    /// <param name="folder">The folder that was baked.</param>
    /// <param name="path">The archive.</param>
    /// <exception cref="ArtifactException">The folder is no baked one.</exception>
    /// <exception cref="IOException">A file cannot be read, or the archive not be written.</exception>
    public static void Write(string folder, string path)
    {
        var manifest = ManifestFile.ReadAny(folder);
        using var file = AtomicFile.Create(path);
        using (var zip = new ZipArchive(file.Stream, ZipArchiveMode.Create, leaveOpen: true))
            foreach (var name in manifest.Files.Select(f => f.Name).Order(StringComparer.Ordinal).Prepend(StepFiles.Manifest))
            {
                var entry = zip.CreateEntry(name, CompressionLevel.NoCompression);
                entry.LastWriteTime = Date;
                using var source = File.OpenRead(Path.Combine(folder, name));
                using var target = entry.Open();
                source.CopyTo(target);
            }
        file.Commit(durable: false);
    }
}
