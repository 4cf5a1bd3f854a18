using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace OnnxPriors.Torch.Native;

/// <summary>
/// Loads a shared library from bytes: out of an anonymous file in memory, or, where the system allows no code there, out of the user's
/// cache folder. The package's own file is never written.
/// </summary>
internal static partial class PrivateCopy
{
    private const uint CloseOnExec = 1;

    /// <summary>Loads the library.</summary>
    /// <param name="bytes">The library's whole file.</param>
    /// <param name="name">A name for it, a file name without folders.</param>
    /// <returns>The library's handle; it stays loaded as long as the process.</returns>
    /// <exception cref="TorchNativeException">Neither way works.</exception>
    public static nint Load(ReadOnlySpan<byte> bytes, string name) =>
        TryLoadFromMemory(bytes, name) ?? LoadFromFolder(bytes, name, CacheFolder());

    /// <summary>Loads the library out of a folder, where a copy is kept for the next time.</summary>
    /// <exception cref="TorchNativeException">The folder cannot be written, or no code may be loaded from it.</exception>
    public static nint LoadFromFolder(ReadOnlySpan<byte> bytes, string name, string folder)
    {
        string path = Path.Combine(folder, Convert.ToHexStringLower(SHA256.HashData(bytes))[..16], name);
        try
        {
            if (!Holds(path, bytes)) Write(path, bytes);
            return NativeLibrary.Load(path);
        }
        catch (Exception error) when (error is DllNotFoundException or IOException or UnauthorizedAccessException)
        {
            throw new TorchNativeException(
                $"A private copy of {name} loads neither from memory nor from '{path}' ({error.Message.Trim()}); "
                + "let XDG_CACHE_HOME name a folder that can be written and from which code may be loaded.", error);
        }
    }

    /// <summary>Loads the library out of memory, or returns null where that is not possible.</summary>
    public static nint? TryLoadFromMemory(ReadOnlySpan<byte> bytes, string name)
    {
        int descriptor;
        try
        {
            descriptor = MemoryFile(name, CloseOnExec);
        }
        catch (EntryPointNotFoundException)
        {
            return null;
        }
        if (descriptor < 0) return null;
        // The linker maps the file's pages; they outlive the descriptor.
        using var file = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            RandomAccess.Write(file, bytes, 0);
        }
        catch (IOException)
        {
            return null;
        }
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/self/fd/{descriptor}");
        return NativeLibrary.TryLoad(path, out nint handle) ? handle : null;
    }

    private static string CacheFolder()
    {
        string? cache = Environment.GetEnvironmentVariable("XDG_CACHE_HOME");
        if (string.IsNullOrEmpty(cache))
            cache = Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache");
        return Path.Combine(cache, "onnxpriors", "native");
    }

    private static bool Holds(string path, ReadOnlySpan<byte> bytes) =>
        File.Exists(path) && File.ReadAllBytes(path).AsSpan().SequenceEqual(bytes);

    private static void Write(string path, ReadOnlySpan<byte> bytes)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        string beside = path + "." + Path.GetRandomFileName();
        File.WriteAllBytes(beside, bytes);
        File.Move(beside, path, overwrite: true);
    }

    [LibraryImport("libc", EntryPoint = "memfd_create", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int MemoryFile(string name, uint flags);
}
