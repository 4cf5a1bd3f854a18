using System.Buffers;
using System.IO.MemoryMappedFiles;

namespace OnnxPriors.Onnx;

/// <summary>A file seen as memory that the operating system pages in when it is read. It lives as long as a slice of it does.</summary>
internal sealed unsafe class MappedFile
{
    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;
    private readonly byte* start;

    private MappedFile(MemoryMappedFile map, long length)
    {
        this.map = map;
        Length = length;
        view = map.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* pointer = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref pointer);
        start = pointer + view.PointerOffset;
    }

    ~MappedFile()
    {
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        view.Dispose();
        map.Dispose();
    }

    public long Length { get; }

    public static MappedFile Open(string path)
    {
        var length = new FileInfo(path).Length;
        if (length == 0)
            throw new ModelFormatException($"'{path}' is empty.");
        return new MappedFile(MemoryMappedFile.CreateFromFile(path, FileMode.Open, null, 0, MemoryMappedFileAccess.Read), length);
    }

    public ReadOnlyMemory<byte> Slice(long offset, int length) => new Part(this, offset, length).Memory;

    private sealed class Part(MappedFile file, long offset, int length) : MemoryManager<byte>
    {
        public override Span<byte> GetSpan() => new(file.start + offset, length);

        public override MemoryHandle Pin(int elementIndex = 0) => new(file.start + offset + elementIndex, pinnable: this);

        public override void Unpin()
        {
            // Mapped memory does not move.
        }

        protected override void Dispose(bool disposing)
        {
            // The file is released when the last part of it is collected.
        }
    }
}
