using System.IO.Compression;
using SkiaSharp;

namespace OnnxPriors.Data.Tests;

/// <summary>A folder of a test's own, gone when the test is over.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("onnxpriors-data-").FullName;

    public string this[string name] => System.IO.Path.Combine(Path, name);

    public string Write(string name, byte[] bytes)
    {
        Directory.CreateDirectory(System.IO.Path.GetDirectoryName(this[name])!);
        File.WriteAllBytes(this[name], bytes);
        return this[name];
    }

    public string Write(string name, string text) => Write(name, System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>A zip archive; a name that ends in a slash is a folder.</summary>
    public string Zip(string name, params (string Name, byte[] Bytes)[] files)
    {
        using var archive = ZipFile.Open(this[name], ZipArchiveMode.Create);
        foreach (var (file, bytes) in files)
        {
            using var stream = archive.CreateEntry(file).Open();
            stream.Write(bytes);
        }
        return this[name];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}

/// <summary>Pictures made for tests.</summary>
internal static class Pictures
{
    public static byte[] Png(int width, int height, Func<int, int, SKColor> colour) => Encode(width, height, colour, SKEncodedImageFormat.Png);

    public static byte[] Png(byte grey = 100) => Png(4, 4, (_, _) => new SKColor(grey, grey, grey));

    public static byte[] Encode(int width, int height, Func<int, int, SKColor> colour, SKEncodedImageFormat format)
    {
        using var bitmap = new SKBitmap(new SKImageInfo(width, height, SKColorType.Rgba8888, SKAlphaType.Unpremul));
        for (var y = 0; y < height; y++)
            for (var x = 0; x < width; x++)
                bitmap.SetPixel(x, y, colour(x, y));
        using var data = bitmap.Encode(format, 100);
        return data.ToArray();
    }
}
