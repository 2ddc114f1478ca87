// Rooms of Socket.IO as its documentation shows them, over WebSocket alone. It stores nothing and asks for no token.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http, { transports: ['websocket'], perMessageDeflate: false, serveClient: false });
io.on('connection', (socket) => {
  socket.on('join', async (room, joined) => {
    await socket.join(room);
    joined();
  });
  socket.on('chat', (room, content, ack) => {
    io.to(room).emit('chat', room, content);
    ack();
  });
});
http.listen({ port: Number(process.env.PORT), host: '127.0.0.1', backlog: 4_096 });
