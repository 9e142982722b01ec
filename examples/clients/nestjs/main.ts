/**
 * NestJS with Transport.KAFKA, unmodified: a question that is answered on a reply topic, and an event that a handler takes.
 * The broker runs in the same process; with an address as argument another one is used.
 */
import 'reflect-metadata';
import assert from 'node:assert/strict';
import { Controller, Inject, Injectable, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import {
  ClientProxyFactory,
  EventPattern,
  type KafkaOptions,
  MessagePattern,
  Payload,
  Transport,
} from '@nestjs/microservices';
import { startTestBroker } from 'millrace/testing';
import { firstValueFrom } from 'rxjs';

interface Order {
  readonly item: string;
  readonly count: number;
}

@Injectable()
class Ledger {
  readonly placed: Order[] = [];
}

@Controller()
class OrdersController {
  constructor(@Inject(Ledger) private readonly ledger: Ledger) {}

  @MessagePattern('orders.price')
  price(@Payload() order: Order): { total: number } {
    return { total: order.count * 5 };
  }

  @EventPattern('orders.placed')
  placed(@Payload() order: Order): void {
    this.ledger.placed.push(order);
  }
}

@Module({ controllers: [OrdersController], providers: [Ledger] })
class ShopModule {}

const topics = ['orders.price', 'orders.price.reply', 'orders.placed'];
const broker = process.argv[2] === undefined ? await startTestBroker({ topics }) : undefined;
const brokers = process.argv[2]?.split(',') ?? broker?.brokers ?? [];
const kafka = (name: string): KafkaOptions => ({
  transport: Transport.KAFKA,
  options: {
    client: { clientId: name, brokers, logLevel: 0 },
    consumer: { groupId: name },
    subscribe: { fromBeginning: true },
  },
});

const app = await NestFactory.createMicroservice(ShopModule, { ...kafka('shop'), logger: false });
await app.listen();
const client = ClientProxyFactory.create(kafka('front'));
client.subscribeToResponseOf('orders.price');
await client.connect();

const order: Order = { item: 'a book', count: 3 };
assert.deepEqual(await firstValueFrom(client.send('orders.price', order)), { total: 15 });

await firstValueFrom(client.emit('orders.placed', order));
const { placed } = app.get(Ledger);
for (let waited = 0; placed.length === 0 && waited < 10_000; waited += 10) {
  await new Promise((resolve) => setTimeout(resolve, 10));
}
assert.deepEqual(placed, [order]);

await client.close();
await app.close();
await broker?.close();
console.log('a price was answered, and an order was taken');
